"""The alternative tier: bubblewrap makes the namespaces, for machines where only it is allowed to."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.sandbox.view import View

_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_OURS = ("tasks/__init__.py", "tasks/sandbox/__init__.py", "tasks/sandbox/inside")


def bwrap_program() -> str | None:
    """Where bubblewrap is, if it is installed."""
    return shutil.which("bwrap")


def bwrap_command(view: View, root: Path, command: Sequence[str]) -> list[str]:
    """Start the server inside bubblewrap. Python itself starts there, so it also sees what Python is linked with."""
    options = ["--unshare-all", "--new-session", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    for path in (*_SYSTEM_LIBRARIES, *_interpreter(command[0])):
        options += ["--ro-bind-try", path, path]
    for path in view.visible[:1]:
        options += ["--ro-bind", path, path]
    for path in view.hidden:
        if Path(path).is_dir():
            options += ["--tmpfs", path]
    for path in (*view.visible[1:], *(str(root / each) for each in _OURS)):
        options += ["--ro-bind", path, path]
    return [bwrap_program() or "bwrap", *options, "--remount-ro", "/", "--chdir", "/", "--", *command]


def _interpreter(program: str) -> list[str]:
    """The interpreter and its shared library, which may lie beside the standard library."""
    library = sorted(Path(sys.base_prefix, "lib").glob("libpython*"))
    return [program, *map(str, library)]
