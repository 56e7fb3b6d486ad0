"""What happens inside a worker process: a job's progress reports, its peak memory, and dying with the parent."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Reports more frequent than people can read would only cost time.
_REPORT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the job at ``index`` is: ``done`` of ``total`` units, and a few small fields for the display."""

    index: int
    name: str
    done: float
    total: float
    fields: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """Process ``pid`` has taken the job at ``index``."""

    index: int
    pid: int


@dataclass(frozen=True, slots=True)
class Returned:
    """A job's value, its last progress, and the peak memory of the process that did it."""

    value: Any
    last: Progress | None
    pid: int
    peak_mb: float


class Reporter:
    """The first argument of every job: ``report(done, total, **fields)`` as often as it likes."""

    def __init__(self, index: int, name: str, sink: Callable[[Progress], None]) -> None:
        self.last: Progress | None = None
        self._index = index
        self._name = name
        self._sink = sink
        self._sent_at = -float("inf")

    def __call__(self, done: float, total: float, **fields: float | str) -> None:
        self.last = Progress(self._index, self._name, done, total, fields)
        now = time.monotonic()
        if now - self._sent_at >= _REPORT_SECONDS:
            self._sent_at = now
            self._sink(self.last)


_events: Any = None


def set_up(events: Any) -> None:
    """Run once in each new worker process."""
    global _events
    _events = events
    # Reports that nobody reads any more must not keep the process from ending.
    events.cancel_join_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, name="die-with-parent", daemon=True).start()


def perform(
    run_number: int, index: int, name: str, function: Callable[..., Any], kwargs: Mapping[str, Any]
) -> Returned:
    """Do one job in this worker process. ``run_number`` marks what it reports as of this list of jobs."""
    _events.put((run_number, Started(index, os.getpid())))
    report = Reporter(index, name, lambda progress: _events.put((run_number, progress)))
    value = function(report, **kwargs)
    return Returned(value, report.last, os.getpid(), process_peak_mb())


def process_peak_mb() -> float:
    """Peak resident memory of this process, in MiB."""
    try:
        # ru_maxrss of a spawned process starts at its parent's peak: the kernel carries it over exec.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except FileNotFoundError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker process has a parent"
    parent.join()
    os._exit(1)
