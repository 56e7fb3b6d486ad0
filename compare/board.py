"""The arms while they run: a table in a terminal, plain lines where there is none."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from compare.jobs import Failed, SeedStage
from evolve.progress import StageBar, bar_columns, stage_progress
from evolve.report_text import percent
from evolve.worker_process import Progress

_RENEWALS = 2  # a second


@dataclass(slots=True)
class _Place:
    """One arm and seed. ``share`` of its budget that is spent; ``accuracy`` as last judged."""

    share: float = 0.0
    accuracy: str = ""
    began: bool = False
    final: float | None = None
    failed: str = ""

    @property
    def ended(self) -> bool:
        return self.final is not None or bool(self.failed)


class Board:
    """Hears of the jobs that run the arms. ``planned``: each arm's and seed's job, or why there is none."""

    def __init__(self, planned: Mapping[tuple[str, int], SeedStage | Failed]) -> None:
        self._places = {
            place: _Place(failed=each.reason if isinstance(each, Failed) else "") for place, each in planned.items()
        }
        self._of_key = {each.key: place for place, each in planned.items() if isinstance(each, SeedStage)}
        self._before = 0.0  # jobs that an earlier run had ended
        self._bar: StageBar | None = None
        self._plain: TextIO | None = None

    @contextmanager
    def shown(self, title: str, enabled: bool = True, stream: TextIO | None = None) -> Iterator[Board]:
        """Show the board while the block runs, on ``stream`` (stderr)."""
        console = Console(file=stream or sys.stderr)
        self._before = self._done()
        to_do = len(self._of_key) - self._before
        if enabled and console.is_terminal:
            bars = bar_columns(console)
            task = bars.add_task(title, total=to_do, note="")
            self._bar = StageBar(to_do, lambda done, total, note: bars.update(task, completed=done))
            with Live(get_renderable=lambda: Group(self.table(), bars), console=console, refresh_per_second=_RENEWALS):
                yield self
        else:
            self._plain = (stream or sys.stderr) if enabled else None
            with stage_progress(title, to_do, enabled, stream) as self._bar:
                yield self

    def follow(self, progress: Progress) -> None:
        """The ``on_progress`` of the pool."""
        name, seed = self._of_key[progress.name]
        place = self._places[name, seed]
        place.began, place.share = True, progress.done
        place.accuracy = str(progress.fields.get("accuracy", place.accuracy))
        self._advance(f"{name}, seed {seed}: {percent(place.share)} spent, {place.accuracy or '-'} right")

    def ended(self, key: str, found: Mapping[str, Any] | Failed) -> None:
        """A job has come to its end, now or in an earlier run."""
        name, seed = self._of_key[key]
        place = self._places[name, seed]
        if isinstance(found, Failed):
            place.failed = found.reason
        else:
            right = found["result"]["right"]
            place.final = sum(right) / len(right)
            place.share = found["metrics"][-1]["ledger/spent"] if found["metrics"] else 0.0
        if self._plain is not None:
            what = f"FAILED: {place.failed}" if place.final is None else f"done, {percent(place.final)} right"
            print(f"{name}, seed {seed}: {what}", file=self._plain, flush=True)
        self._advance("")

    def _advance(self, note: str) -> None:
        if self._bar is not None:
            self._bar.update(self._done() - self._before, note=note)

    def _done(self) -> float:
        """How many jobs are done, parts of one included."""
        mine = [self._places[place] for place in self._of_key.values()]
        return sum(1.0 if each.ended else min(each.share, 1.0) for each in mine)

    def table(self) -> RenderableType:
        """Arm by arm: seeds done, share of the budget spent, accuracy, and what is under way."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, expand=True)
        table.add_column("arm", no_wrap=True)
        for head in ("seeds done", "budget spent", "accuracy"):
            table.add_column(head, justify="right", no_wrap=True)
        table.add_column("under way", overflow="ellipsis", no_wrap=True, ratio=1)  # what is left of the line
        for name in dict.fromkeys(name for name, _ in self._places):
            table.add_row(*self._row(name))
        return table

    def _row(self, name: str) -> list[str | Text]:
        seeds = {seed: place for (arm, seed), place in self._places.items() if arm == name}
        finals = [place.final for place in seeds.values() if place.final is not None]
        spent = sum(min(place.share, 1.0) for place in seeds.values()) / len(seeds)
        running = [
            f"seed {seed}: {percent(place.share)} spent, {place.accuracy or '-'} right"
            for seed, place in seeds.items()
            if place.began and not place.ended
        ]
        failed = [seed for seed, place in seeds.items() if place.failed]
        if failed:
            running.insert(0, f"FAILED (seed {', '.join(map(str, failed))}): {seeds[failed[0]].failed}")
        accuracy = percent(sum(finals) / len(finals)) if finals else "-"
        return [name, f"{len(finals)} of {len(seeds)}", percent(spent), accuracy, Text("; ".join(running))]
