"""One program: the process that was just forked for it binds itself, runs the cells and says how they ended.

It says so over a private socket, with a nonce that comes out of that socket only then: what a program prints, writes to
descriptors it guesses or returns as its exit code is no claim to have come to its end. But it is this very process that
says so: a program that reads the nonce itself can claim an end that it never came to (docs/sandbox.md). The last word
on every limit is the server's and the caller's, outside this process.
"""

from __future__ import annotations

import fcntl
import json
import linecache
import os
import random
import resource
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import NoReturn

from tasks.sandbox.inside import seccomp
from tasks.sandbox.inside.warm import SEED

NONCE_BYTES = 16
OK, ERROR, MEMORY = b"o", b"e", b"m"  # what follows the nonce
BROKEN = 70  # exit code: the process could not be bound, so nothing was run
_ABOVE_ALL = 200
_MOST_DESCRIPTORS = 64
_LONGEST_TRACEBACK = 4000  # characters from its end, so that it is no flood
_REQUEST, _STDOUT, _REPORT = 3, 4, 5


@dataclass(frozen=True, slots=True)
class Bounds:
    """``address_space`` in bytes; ``seconds`` of CPU time; ``confined``: everything but tier ``off``."""

    address_space: int
    seconds: int
    confined: bool


def become_program(descriptors: Sequence[int], sink: int, bounds: Bounds) -> NoReturn:
    """Never returns. ``descriptors``: request, stdin, stdout, stderr, report; ``sink`` takes what no one shall read."""
    code = BROKEN
    try:
        os.setsid()
        _place(descriptors, sink)
        _limit(bounds)
        if bounds.confined:
            seccomp.install(os.getpid())
        code = 1
        code = _run()
    finally:
        os._exit(code)


def _place(descriptors: Sequence[int], sink: int) -> None:
    """Lay the descriptors out as 0 to 5 and close all others: the server's, and those of its other programs."""
    request, stdin, stdout, stderr, report = (fcntl.fcntl(each, fcntl.F_DUPFD, _ABOVE_ALL) for each in descriptors)
    sink = fcntl.fcntl(sink, fcntl.F_DUPFD, _ABOVE_ALL)
    for place, descriptor in enumerate((stdin, sink, stderr, request, stdout, report)):
        os.dup2(descriptor, place)
    os.closerange(_REPORT + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _limit(bounds: Bounds) -> None:
    """The kernel's own limits, soft and hard, so that they cannot be raised again."""
    limits = {
        resource.RLIMIT_AS: bounds.address_space,
        resource.RLIMIT_CPU: bounds.seconds,
        resource.RLIMIT_NOFILE: _MOST_DESCRIPTORS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
    }
    if bounds.confined:
        limits[resource.RLIMIT_FSIZE] = 0
    for kind, value in limits.items():
        _lower(kind, value)
    _lower(resource.RLIMIT_STACK, resource.getrlimit(resource.RLIMIT_STACK)[0])


def _lower(kind: int, value: int) -> None:
    allowed = resource.getrlimit(kind)[1]
    if allowed == resource.RLIM_INFINITY or value < allowed:
        # a second between SIGXCPU, which says why, and SIGKILL
        allowed = value + 1 if kind == resource.RLIMIT_CPU else value
    resource.setrlimit(kind, (min(value, allowed), allowed))


def _run() -> int:
    """Run the cells, tell how they ended; the process's exit code."""
    with open(_REQUEST, encoding="utf-8") as file:
        cells = json.load(file)
    random.seed(SEED)
    # bound before the program can replace them
    read, write, lines = os.read, os.write, traceback.format_exception
    try:
        _run_cells(cells)
        said, shown = OK, ""
    except MemoryError:
        said, shown = MEMORY, "MemoryError: the program asked for more memory than it is allowed\n"
    except BaseException as error:
        said, shown = ERROR, "".join(lines(error.with_traceback(_without_ours(error))))
    _flush_calmly()
    write(2, shown[-_LONGEST_TRACEBACK:].encode(errors="replace"))
    write(_REPORT, read(_REPORT, NONCE_BYTES) + said)
    return 0 if said == OK else 1


def _run_cells(cells: Sequence[str]) -> None:
    module = ModuleType("__main__")
    module.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = module
    last = len(cells) - 1
    for index, source in enumerate(cells):
        name = f"<cell {index + 1}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        if index == last:
            _flush()
            os.dup2(_STDOUT, 1)
            os.close(_STDOUT)
        try:
            exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
        except SystemExit as exit_:
            if index != last or exit_.code not in (None, 0):
                raise
    _run_exit_functions()
    _flush()


def _run_exit_functions() -> None:
    import atexit

    atexit._run_exitfuncs()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()


def _flush_calmly() -> None:
    """What a program printed before it failed belongs to its output; its streams may be broken."""
    with suppress(BaseException):
        _flush()


def _without_ours(error: BaseException) -> TracebackType | None:
    """The traceback from the cell on."""
    shown = error.__traceback__
    while shown is not None and shown.tb_frame.f_code.co_filename == __file__:
        shown = shown.tb_next
    return shown
