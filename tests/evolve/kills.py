"""A child process that is killed at a chosen system call."""

from __future__ import annotations

import os
import signal

# Every call that changes what is on disk; ``open`` is the low-level one that folders are synced through.
_CALLS = ("fsync", "replace", "rename", "mkdir", "rmdir", "unlink", "open", "ftruncate")


def die_at(point, action):
    """Do ``action`` in a child that is killed before its ``point``-th such call (from 0); was it killed?"""
    child = os.fork()
    if child == 0:
        calls = 0

        def killing(function):
            def wrapped(*arguments, **keywords):
                nonlocal calls
                if calls == point:
                    os.kill(os.getpid(), signal.SIGKILL)
                calls += 1
                return function(*arguments, **keywords)

            return wrapped

        for name in _CALLS:
            setattr(os, name, killing(getattr(os, name)))
        action()
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])
