"""The sandbox of this machine: a warm server, a bounded number of programs at once, and a memory of what they did."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tasks.errors import UserError
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.run_one import run_one
from tasks.sandbox.server import Unavailable, WarmServer

_REMEMBERED = 4096
# not ``timeout`` and ``killed``: those may be due to the machine's load, and the next run may do better
_LASTING = {ExecutionOutcome.OK, ExecutionOutcome.ERROR, ExecutionOutcome.MEMORY, ExecutionOutcome.OUTPUT_LIMIT}


class LocalSandbox:
    """A ``Sandbox`` for threads and forked processes alike. The same program is run once and then remembered."""

    def __init__(self, server: WarmServer, limits: Limits, remembered: int = _REMEMBERED) -> None:
        self._server, self._limits, self._remembered = server, limits, remembered
        self._executions: OrderedDict[bytes, Execution] = OrderedDict()
        self._forget_locks()
        os.register_at_fork(after_in_child=self._forget_locks)

    @property
    def tier(self) -> Tier:
        return self._server.tier

    def run(self, cells: Sequence[str], stdin: str = "") -> Execution:
        """Run Python cells in order in one fresh namespace; the first that fails ends the program."""
        key = hashlib.sha256(json.dumps([list(cells), stdin]).encode()).digest()
        with self._lock:
            if key in self._executions:
                self._executions.move_to_end(key)
                return self._executions[key]
        with self._turns:  # each program has a deadline, so each turn comes
            execution = self._run(cells, stdin)
        if execution.outcome in _LASTING:
            with self._lock:
                self._executions[key] = execution
                while len(self._executions) > self._remembered:
                    self._executions.popitem(last=False)
        return execution

    def run_many(self, programs: Iterable[Sequence[str]]) -> list[Execution]:
        """Run programs side by side, one for each processor; the executions in the programs' order."""
        with ThreadPoolExecutor(_processors()) as pool:
            return list(pool.map(self.run, programs))

    def close(self) -> None:
        """End the server and what runs in it. The next program starts it again."""
        self._server.stop()

    def _run(self, cells: Sequence[str], stdin: str) -> Execution:
        try:
            return run_one(self._server, cells, stdin, self._limits)
        except Unavailable as reason:
            raise UserError(f"the sandbox {self.tier} stopped working on this machine: {reason}") from reason

    def _forget_locks(self) -> None:
        """New ones: in a forked child the old ones may be held by threads that are not there."""
        self._lock, self._turns = threading.Lock(), threading.Semaphore(_processors())


def _processors() -> int:
    return len(os.sched_getaffinity(0))
