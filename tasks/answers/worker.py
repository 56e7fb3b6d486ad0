"""math-verify behind a pipe: a fresh interpreter, started at the first question and ended with this process.

Each question is answered in a forked child of the worker with limits on memory and processor time; a child that is late
is killed there, and a worker that is late itself is killed from here and replaced. Only formulas that were parsed and
written anew (tasks.answers.render) are sent. Works from every thread; a forked process starts a worker of its own.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import UserError

DEADLINE = 0.7
"""Seconds of processor time that one answer may take: on a machine that is not overloaded, by the clock too."""

WALL = 5.0
"""Seconds by the clock, far above: other work on the machine is to decide no verdict."""

MEMORY = 2 * 2**30
START_SECONDS = 60.0
_GRACE = 0.15  # of the worker, after which it is killed itself
_PROGRAM = Path(__file__).with_name("worker_program.py")
_MAX_LINE = 65536
_KEPT = ("LD_LIBRARY_PATH",)  # of the environment: some interpreters do not start without it


class WorkerFailed(Exception):
    """The worker cannot be started, or does not stay alive."""


class _Gone(Exception):
    """The worker has ended."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """``equal`` is None when math-verify could not decide; ``note`` then says why. ``seconds``: processor time."""

    equal: bool | None
    note: str
    seconds: float


def is_installed() -> bool:
    """Whether the extra ``math`` is there."""
    return importlib.util.find_spec("math_verify") is not None


def require_math_verify() -> None:
    """Raises UserError when the extra ``math`` is missing."""
    if not is_installed():
        raise UserError("answers of type latex need math-verify, which is not installed; pip install 'treeward[math]'")


def compare(gold: str, answer: str, seconds: float = DEADLINE) -> Comparison:
    """Ask whether two LaTeX formulas are equal. Raises UserError without math-verify, WorkerFailed without a worker."""
    return _shared.compare(gold, answer, seconds)


def start() -> None:
    """Start the worker if there is none, so that the next answer need not wait for it. Raises as ``compare`` does."""
    _shared.start()


class _Worker:
    """One process; made in the process that uses it."""

    def __init__(self) -> None:
        require_math_verify()
        self._process = subprocess.Popen(
            [sys.executable, "-s", "-P", str(_PROGRAM)],
            bufsize=0,  # a forked process closes its copies, and must not flush what this one is writing
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0"} | {name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,
            cwd="/",
        )
        self._rest = b""
        self._asked = 0
        paths = [str(Path(path or ".").absolute()) for path in sys.path]
        self._send({"path": paths, "memory": MEMORY})
        try:
            is_ready = self._receive(time.monotonic() + START_SECONDS) == {"ready": True}
        except _Gone:
            is_ready = False
        if not is_ready:
            self.kill()
            raise WorkerFailed("math-verify's worker did not start")

    def ask(self, gold: str, answer: str, seconds: float) -> Comparison | None:
        """None if the worker itself missed the deadline. Raises _Gone if it is dead."""
        self._asked += 1
        self._send({"id": self._asked, "gold": gold, "answer": answer, "cpu": seconds, "wall": WALL})
        found = self._receive(time.monotonic() + WALL + _GRACE)
        if found is None or found.get("id") != self._asked:
            return None
        return Comparison(found["equal"], found["note"], found["cpu"])

    def kill(self) -> None:
        """With the child that it may have."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.forget()
        self._process.wait()

    def forget(self) -> None:
        """Close this process's ends of the pipes: the worker ends when nobody holds them."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # the worker is gone, as _receive finds
            self._process.stdin.write(json.dumps(message).encode() + b"\n")

    def _receive(self, deadline: float) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while b"\n" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return None
            read = os.read(descriptor, _MAX_LINE)
            if not read:
                raise _Gone
            self._rest += read
        line, _, self._rest = self._rest.partition(b"\n")
        found = json.loads(line)
        return found if isinstance(found, dict) else None


class _Shared:
    """The worker of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: _Worker | None = None

    def compare(self, gold: str, answer: str, seconds: float) -> Comparison:
        with self._lock:
            for _ in range(2):  # its death is no answer's doing: answers are dealt with in its children
                try:
                    found = self._running().ask(gold, answer, seconds)
                except _Gone:
                    self._stop()
                    continue
                if found is None:
                    self._stop()
                    return Comparison(None, "not decided in time", seconds)
                return found
            raise WorkerFailed("math-verify's worker died twice at one question")

    def start(self) -> None:
        with self._lock:
            self._running()

    def close(self) -> None:
        with self._lock:
            self._stop()

    def _running(self) -> _Worker:
        if self._worker is None:
            self._worker = _Worker()
        return self._worker

    def _stop(self) -> None:
        if self._worker is not None:
            self._worker.kill()
            self._worker = None

    def after_fork(self) -> None:
        """In the child: the lock may be held by a thread that is not here, and the worker is the parent's."""
        self._lock = threading.Lock()
        if self._worker is not None:
            self._worker.forget()
            self._worker = None


_shared = _Shared()
atexit.register(_shared.close)
os.register_at_fork(after_in_child=_shared.after_fork)
