"""How far a long stage is, and how long it will still take: a bar in a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

from evolve.worker_process import Progress

_LINE_SECONDS = 10.0

# (done, total or None, note)
_Show = Callable[[float, float | None, str], None]


class StageBar:
    """One stage's display. Feed it with ``update``, or with the progress of a pool's jobs, which it sums."""

    def __init__(self, total: float | None, show: _Show) -> None:
        self._total = total
        self._show = show
        self._jobs: dict[int, Progress] = {}

    def update(self, done: float, total: float | None = None, note: str = "") -> None:
        """``done`` of ``total`` units (default: the total given at the start)."""
        self._show(done, self._total if total is None else total, note)

    def follow(self, progress: Progress) -> None:
        """The ``on_progress`` of ``WorkerPool.run``: the jobs' units add up; their latest fields are the note.

        Without a total given at the start, it is that of the jobs heard of so far.
        """
        self._jobs[progress.index] = progress
        total = sum(job.total for job in self._jobs.values()) if self._total is None else None
        note = ", ".join(f"{name} {_short(value)}" for name, value in progress.fields.items())
        self.update(sum(job.done for job in self._jobs.values()), total, note)


@contextmanager
def stage_progress(
    title: str,
    total: float | None = None,
    enabled: bool = True,
    stream: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[StageBar]:
    """Show a stage while the block runs, on ``stream`` (stderr). Stages follow each other, never nest."""
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
        lines = _PlainLines(title, stream or sys.stderr, clock)
        yield StageBar(total, lines.show)
        lines.close()


class _PlainLines:
    """At most one line in ten seconds; the last one tells how long the stage took."""

    def __init__(self, title: str, stream: TextIO, clock: Callable[[], float]) -> None:
        self._title = title
        self._stream = stream
        self._clock = clock
        self._began = self._printed = clock()
        self._has_printed = False

    def show(self, done: float, total: float | None, note: str) -> None:
        now = self._clock()
        if now - self._printed < _LINE_SECONDS:
            return
        elapsed = now - self._began
        if total:
            left = f", {_clock_text(elapsed * (total - done) / done)} left" if done >= 0.01 * total else ""
            how_far = f"{100 * done / total:.0f} % ({_short(done)} of {_short(total)}){left}"
        else:
            how_far = f"{_short(done)} in {_clock_text(elapsed)}"
        self._print(f"{how_far}, {note}" if note else how_far, now)

    def close(self) -> None:
        now = self._clock()
        if not self._has_printed or now - self._printed >= _LINE_SECONDS:
            self._print(f"done in {_clock_text(now - self._began)}", now)

    def _print(self, text: str, now: float) -> None:
        self._printed = now
        self._has_printed = True
        print(f"{self._title}: {text}", file=self._stream, flush=True)


def bar_columns(console: Console) -> RichProgress:
    """Bars with the share done, the time so far and the time left; a task's field ``note`` stands behind them."""
    return RichProgress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=console,
    )


def _clock_text(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _short(value: float | str) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
