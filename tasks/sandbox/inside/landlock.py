"""Landlock: what this process and its children may open, said once and for good. A second wall behind the mounts."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress

from tasks.sandbox.inside.linux import system_call

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on every processor
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # how many rights each version of the interface knows
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3
_CONNECT_AND_BIND, _SIGNALS_AND_ABSTRACT_SOCKETS = 0b11, 0b11


def version() -> int:
    """The kernel's version of the interface, 0 where there is none."""
    try:
        return system_call(_CREATE, "landlock", None, 0, 1)
    except OSError:
        return 0


def restrict_reading(paths: Iterable[str]) -> bool:
    """From now on only ``paths`` can be read, nothing written, no port used; False if the kernel has no Landlock."""
    known = version()
    if not known:
        return False
    rights = (1 << _FILE_RIGHTS.get(known, 16)) - 1
    rules = struct.pack("QQQ", rights, _CONNECT_AND_BIND, _SIGNALS_AND_ABSTRACT_SOCKETS)
    size = 24 if known >= 6 else 16 if known >= 4 else 8
    rule_set = system_call(_CREATE, "landlock_create_ruleset", ctypes.c_char_p(rules), size, 0)
    for path in paths:
        with suppress(FileNotFoundError):
            _allow(rule_set, path)
    system_call(_RESTRICT, "landlock_restrict_self", rule_set, 0)
    os.close(rule_set)
    return True


def _allow(rule_set: int, path: str) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = _READ_FILE | (_READ_FOLDER if os.path.isdir(path) else 0)  # noqa: PTH112
        rule = struct.pack("=Qi", rights, descriptor)
        system_call(_ADD, "landlock_add_rule", rule_set, 1, ctypes.c_char_p(rule), 0)
    finally:
        os.close(descriptor)
