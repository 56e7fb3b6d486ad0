"""A view of the machine of our own: no network, no other process, and a file system with the libraries alone."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tasks.sandbox.inside import linux

NOBODY = 65534
_HOLDING = "/proc"  # a folder that is always there; what lies under it shows again once the root has moved
_OLD = "/.old"


def leave_the_machine() -> bool:
    """Take new namespaces; the next child is the first process of its own. Returns whether to become nobody.

    With the privileges of root no user namespace is needed: the process becomes ``nobody`` afterwards.
    """
    kinds = linux.CLONE_NEWNS | linux.CLONE_NEWNET | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS | linux.CLONE_NEWPID
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _can_become_nobody():
        try:
            linux.unshare(kinds)
            return True
        except OSError as error:
            if error.errno != errno.EPERM:
                raise
    linux.unshare(kinds | linux.CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{NOBODY} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{NOBODY} {group} 1")
    return False


def _can_become_nobody() -> bool:
    """Whether this root is one that knows other users: that of a container may be the only user there is."""
    for kind in ("uid", "gid"):
        lines = [line.split() for line in Path(f"/proc/self/{kind}_map").read_text().splitlines()]
        if not any(int(first) <= NOBODY < int(first) + int(length) for first, _, length in lines):
            return False
    return Path("/proc/self/setgroups").read_text().strip() == "allow"


def continue_as_first_process(control: int) -> None:
    """Fork into the new process namespace and go on as its first process; the one that was waits and follows."""
    child = os.fork()
    if child:
        os.close(control)
        _follow(child)
    linux.process_control(linux.PR_SET_PDEATHSIG, signal.SIGKILL, "pdeathsig")


def _follow(child: int) -> NoReturn:
    _, status = os.waitpid(child, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def enter_view(visible: Sequence[str], hidden: Sequence[str]) -> None:
    """Make the root an empty read-only file system with the ``visible`` files and folders, ``hidden`` ones emptied."""
    linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", _HOLDING, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=755")
    Path(_HOLDING + _OLD).mkdir()
    linux.pivot_root(_HOLDING, _HOLDING + _OLD)
    os.chdir("/")
    emptied: list[str] = []
    for path in visible:
        if any(path.startswith(folder + "/") for folder in emptied) or not _is_within(path, visible):
            _show(path)
        emptied += [folder for folder in hidden if folder.startswith(path + "/") and _empty(folder)]
    linux.unmount(_OLD)
    Path(_OLD).rmdir()
    for folder in ["/", *emptied]:
        linux.mount(None, folder, None, linux.MS_REMOUNT | linux.MS_BIND | _READ_ONLY)


_READ_ONLY = linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV


def _is_within(path: str, folders: Sequence[str]) -> bool:
    return any(path.startswith(folder + "/") for folder in folders)


def _show(path: str) -> None:
    source, target = Path(_OLD + path), Path(path)
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    linux.mount(str(source), path, None, linux.MS_BIND | linux.MS_REC)
    linux.mount(None, path, None, linux.MS_REMOUNT | linux.MS_BIND | _READ_ONLY | _kept_flags(path))


def _kept_flags(path: str) -> int:
    """What a mount without privileges must not change: how times are kept, and whether files may be run."""
    flags = os.statvfs(path).f_flag
    kept = {8: linux.MS_NOEXEC, 1024: linux.MS_NOATIME, 2048: linux.MS_NODIRATIME, 4096: linux.MS_RELATIME}
    found = sum(mount_flag for flag, mount_flag in kept.items() if flags & flag)
    return found if flags & (1024 | 4096) else found | linux.MS_STRICTATIME


def _empty(folder: str) -> bool:
    """Put an empty file system over a folder, if there is one."""
    if not Path(folder).is_dir():
        return False
    linux.mount("tmpfs", folder, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=755")
    return True


def become_nobody() -> None:
    """Give up the real root's identity, which owns files and is spared limits."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    linux.process_control(linux.PR_SET_PDEATHSIG, signal.SIGKILL, "pdeathsig")  # a change of user clears it
