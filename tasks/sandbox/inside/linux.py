"""The calls of the Linux kernel that Python 3.11 does not offer. Each raises OSError, naming the call."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_NOATIME, MS_NODIRATIME, MS_BIND, MS_REC = 1024, 2048, 4096, 16384
MS_PRIVATE, MS_RELATIME, MS_STRICTATIME = 1 << 18, 1 << 21, 1 << 24
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
_CAPABILITY_VERSION = 0x20080522
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_LIBC = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def system_call(number: int, name: str, *arguments: object) -> int:
    """A call by its number; integers are passed as 64 bits."""
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in arguments]
    return _checked(_LIBC.syscall(ctypes.c_long(number), *words), name)


def unshare(flags: int) -> None:
    """Leave the namespaces named by ``flags`` for new ones (the next child, in the case of process ids)."""
    _checked(_LIBC.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, options)]
    _checked(_LIBC.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mount {target}")


def unmount(target: str) -> None:
    """Take a mount away, even while it is busy."""
    _checked(_LIBC.umount2(os.fsencode(target), MNT_DETACH), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make ``new`` the root; the root that was goes to ``old``."""
    system_call(_PIVOT_ROOT[platform.machine()], "pivot_root", os.fsencode(new), os.fsencode(old))


def process_control(option: int, value: int | ctypes.Array[ctypes.c_char], name: str, more: object = 0) -> int:
    """prctl(2)."""
    words = [ctypes.c_ulong(word) if isinstance(word, int) else word for word in (value, more, 0, 0)]
    return _checked(_LIBC.prctl(option, *words), name)


def advise(place: int, length: int, advice: int) -> None:
    """madvise(2) on memory by its address."""
    _checked(_LIBC.madvise(ctypes.c_void_p(place), ctypes.c_size_t(length), advice), "madvise")


def drop_capabilities() -> None:
    """Give up every capability, and the means to gain one: the bounding set, set-user-id files."""
    for capability in range(64):
        try:
            process_control(PR_CAPBSET_DROP, capability, "capbset_drop")
        except OSError:  # past the last one of this kernel, or there was none to give up
            break
    process_control(PR_SET_NO_NEW_PRIVS, 1, "no_new_privs")
    header, nothing = struct.pack("Ii", _CAPABILITY_VERSION, 0), struct.pack("6I", *[0] * 6)
    _checked(_LIBC.capset(ctypes.c_char_p(header), ctypes.c_char_p(nothing)), "capset")
