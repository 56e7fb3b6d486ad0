"""Jobs on worker processes that live as long as the run; each computes on one thread.

A job is a module-level function and its arguments. What it returns may depend on nothing else, so a result is the same
whatever the number of workers, and with ``workers=0``, which runs the jobs in this process.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from typing import Any, Self

from evolve.worker_process import Progress, Reporter, Returned, Started, perform, process_peak_mb, set_up
from tasks.errors import UserError

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """``function(report, **kwargs)``: importable by its module and name, its arguments and value picklable.

    ``report`` is a ``evolve.worker_process.Reporter``.
    """

    name: str
    function: Callable[..., Any]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name = self.function.__qualname__
        if not name.isidentifier():
            raise ValueError(f"job {self.name!r}: {name} is not a module-level function")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the job at ``index`` of the list returned."""

    index: int
    name: str
    value: Any


OnProgress = Callable[[Progress], None]


class WorkerPool:
    """Worker processes, started when the first job needs one. ``workers=0``: this process does the jobs."""

    def __init__(self, workers: int) -> None:
        if workers < 0:
            raise UserError(f"workers must be 0 (in this process) or more, got {workers}")
        self._workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._events: Queue[tuple[int, Progress | Started]] | None = None
        self._run_number = 0
        self._processes: dict[int, BaseProcess] = {}
        self._job_of: dict[int, int] = {}
        self._peaks_mb: dict[int, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop(kill=any(raised))

    def run(
        self, jobs: Sequence[Job], on_progress: OnProgress | None = None, in_order: bool = False
    ) -> Iterator[Outcome]:
        """Do the jobs, each taken by the next free worker, and yield their outcomes as they complete.

        ``in_order`` yields them in the order of the list. ``on_progress`` is called in this thread. The first error
        of a job is raised here (the worker's traceback is its cause) and a worker's death is a UserError; the
        other jobs are then stopped, as they are when the iterator is closed early.
        """
        notify = on_progress or ignore
        outcomes = self._run_on_workers(jobs, notify) if self._workers else _run_here(jobs, notify)
        return ordered(outcomes) if in_order else outcomes

    def peak_memory_mb(self) -> float:
        """The most that this process and its workers together can have held, in MiB: the sum of their peaks."""
        return process_peak_mb() + sum(self._peaks_mb.values())

    def _run_on_workers(self, jobs: Sequence[Job], notify: OnProgress) -> Iterator[Outcome]:
        pending: dict[Future[Returned], int] = {}
        try:
            self._submit(jobs, pending)
            while pending:
                done, _ = wait(pending, _POLL_SECONDS, FIRST_COMPLETED)
                self._read_events(lambda progress: notify(progress) if progress.index in pending.values() else None)
                for future in sorted(done, key=pending.__getitem__):
                    returned = future.result()
                    index = pending.pop(future)
                    self._peaks_mb[returned.pid] = returned.peak_mb
                    if returned.last is not None:
                        notify(returned.last)
                    yield Outcome(index, jobs[index].name, returned.value)
                # The executor overlooks the death of a worker that it started while it was already waiting.
                if pending and any(process.exitcode is not None for process in self._processes.values()):
                    raise BrokenProcessPool("a worker process ended")
        except BrokenProcessPool as error:
            raise UserError(self._death_notice(jobs, sorted(pending.values()))) from error
        finally:
            if pending:
                self._stop(kill=True)

    def _submit(self, jobs: Sequence[Job], pending: dict[Future[Returned], int]) -> None:
        if self._executor is None:
            context = multiprocessing.get_context("spawn")
            self._events = context.Queue()
            self._executor = ProcessPoolExecutor(self._workers, context, set_up, (self._events,))
        self._run_number += 1
        self._job_of.clear()
        others = set(multiprocessing.active_children()) - set(self._processes.values())
        with _environment_of_workers():
            for index, job in enumerate(jobs):
                future = self._executor.submit(perform, self._run_number, index, job.name, job.function, {**job.kwargs})
                pending[future] = index
                if len(self._processes) < self._workers:
                    started = set(multiprocessing.active_children()) - others
                    self._processes |= {process.pid: process for process in started if process.pid is not None}

    def _read_events(self, notify: OnProgress) -> None:
        assert self._events is not None, "events are read while workers run"
        while True:
            try:
                run_number, event = self._events.get_nowait()
            except queue.Empty:
                return
            if run_number != self._run_number:
                continue  # a late word from a job of an earlier list
            if isinstance(event, Started):
                self._job_of[event.pid] = event.index
            else:
                notify(event)

    def _death_notice(self, jobs: Sequence[Job], unfinished: list[int]) -> str:
        # The executor ends the survivors by SIGTERM: any other code is that of the process that died first.
        dead, code = 0, 0
        for pid, process in self._processes.items():
            process.join(0.2)
            if process.exitcode and code in (0, -signal.SIGTERM):
                dead, code = pid, process.exitcode
        self._read_events(ignore)
        index = self._job_of.get(dead)
        doing = jobs[index].name if index in unfinished else f"one of {', '.join(jobs[i].name for i in unfinished[:5])}"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return (
            f"a worker process died ({how}) while doing {doing}: often out of memory; "
            "start the same command again to resume"
        )

    def _stop(self, kill: bool) -> None:
        if self._executor is None:
            return
        if kill:
            # What a job writes is whole or not there, so it may be cut off anywhere.
            for process in self._processes.values():
                process.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = None
        self._processes.clear()


def _run_here(jobs: Sequence[Job], notify: OnProgress) -> Iterator[Outcome]:
    for index, job in enumerate(jobs):
        report = Reporter(index, job.name, notify)
        value = job.function(report, **job.kwargs)
        if report.last is not None:
            notify(report.last)
        yield Outcome(index, job.name, value)


def ordered(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """The outcomes in the order of the list of jobs."""
    waiting: dict[int, Outcome] = {}
    expected = 0
    for outcome in outcomes:
        waiting[outcome.index] = outcome
        while expected in waiting:
            yield waiting.pop(expected)
            expected += 1


@contextmanager
def _environment_of_workers() -> Iterator[None]:
    """What new processes inherit: one thread each (read when torch is imported), and no interrupt from Ctrl-C.

    The parent gets a Ctrl-C that comes meanwhile as soon as the block ends.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def ignore(_: Progress) -> None:
    """Hear nothing."""
