"""How far a long stage is, and how long it will still take: a bar in a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Task, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from evolve.worker_process import Progress

_LINE_SECONDS = 10.0
_FIRST_ESTIMATE = 10.0  # seconds of progress before the time left is told
_LEAST_UNITS = 3  # and this many units, or
_LEAST_SHARE = 0.03  # this share where units mean nothing to people

# (done, total, note)
_Show = Callable[[float, float, str], None]


class StageBar:
    """One stage's display. Feed it with ``update``, or with the progress of a pool's jobs, which it sums."""

    def __init__(self, total: float, show: _Show) -> None:
        self._total = total
        self._show = show
        self._jobs: dict[int, Progress] = {}
        self._latest: dict[str, float | str] = {}

    def update(self, done: float, note: str = "") -> None:
        """``done`` of the total given at the start."""
        self._show(done, self._total, note)

    def follow(self, progress: Progress) -> None:
        """The ``on_progress`` of ``WorkerPool.run`` where the total is that of all jobs' units, which add up.

        Behind it stand the latest job's fields; whole numbers are counts, and are summed over all jobs.
        """
        self._hear(progress)
        self.update(sum(job.done for job in self._jobs.values()), self._note())

    def follow_jobs(self, progress: Progress) -> None:
        """The same where the total is the number of jobs: units differ from job to job, and each counts alike."""
        self._hear(progress)
        note = self._note()
        done = sum(job.done / job.total for job in self._jobs.values() if job.total)
        self.update(done, f"{progress.name} {note}" if note and self._total > 1 else note)

    def _hear(self, progress: Progress) -> None:
        self._jobs[progress.index] = progress
        self._latest |= progress.fields

    def _note(self) -> str:
        return ", ".join(f"{name} {_short(self._sum(name, value))}" for name, value in self._latest.items())

    def _sum(self, name: str, value: float | str) -> float | str:
        if not isinstance(value, int):
            return value
        found = (job.fields.get(name, 0) for job in self._jobs.values())
        return sum(each for each in found if isinstance(each, int))


@contextmanager
def stage_progress(
    title: str,
    total: float,
    enabled: bool = True,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
    unit: str = "",
) -> Iterator[StageBar]:
    """Show a stage while the block runs, on ``stream`` (stderr). Stages follow each other, never nest.

    ``unit`` names what is counted, in the plural; without it only the share is told.
    """
    console = Console(file=stream or sys.stderr)
    if not enabled:
        yield StageBar(total, lambda done, total, note: None)
    elif console.is_terminal:
        with bar_columns(console) as display:
            task = display.add_task(title, total=total, note="")
            yield StageBar(
                total, lambda done, total, note: display.update(task, completed=done, total=total, note=note)
            )
    else:
        lines = _PlainLines(title, unit, stream or sys.stderr, clock)
        yield StageBar(total, lines.show)
        lines.close()


class _PlainLines:
    """At most one line in ten seconds; the last one tells how long the stage took."""

    def __init__(self, title: str, unit: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self._title = title
        self._unit = unit
        self._stream = stream
        self._clock = clock
        self._began = self._printed = clock()
        self._has_printed = False
        self._first: tuple[float, float] | None = None  # when the first word came, and how much was done then

    def show(self, done: float, total: float, note: str) -> None:
        now = self._clock()
        self._first = self._first or (now, done)
        if now - self._printed < _LINE_SECONDS:
            return
        counted = f" ({int(done):,} of {int(total):,} {self._unit})" if self._unit else ""
        share = f"{int(100 * done / total) if total else 100} %{counted}"  # 100 % only when all is done
        self._print(", ".join(filter(None, (share, self._left(now, done, total), note))), now)

    def _left(self, now: float, done: float, total: float) -> str:
        """The time left, at the speed since the first word: before it, models were loaded."""
        assert self._first is not None
        began, before = self._first
        enough = _LEAST_UNITS if self._unit else _LEAST_SHARE * total
        if done >= total or done - before < enough or now - began < _FIRST_ESTIMATE:
            return ""
        return f"{_clock_text((now - began) * (total - done) / (done - before))} left"

    def close(self) -> None:
        now = self._clock()
        if not self._has_printed or now - self._printed >= _LINE_SECONDS:
            self._print(f"done in {_clock_text(now - self._began)}", now)

    def _print(self, text: str, now: float) -> None:
        self._printed = now
        self._has_printed = True
        print(f"{self._title}: {text}", file=self._stream, flush=True)


class _TimeLeft(TimeRemainingColumn):
    """Nothing before there is enough to tell it from."""

    def render(self, task: Task) -> Text:
        early = (task.elapsed or 0.0) < _FIRST_ESTIMATE or task.completed < _LEAST_SHARE * (task.total or 0.0)
        return Text("-:--:--", style="progress.remaining") if early else super().render(task)


def bar_columns(console: Console) -> RichProgress:
    """Bars with the share done, the time so far and the time left; a task's field ``note`` stands behind them."""
    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        _TimeLeft(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
        speed_estimate_period=300.0,  # seconds: searches of a group end in bursts
    )


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _short(value: float | str) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
