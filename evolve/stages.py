"""Running the stages of a phase: what is done is skipped, what completes is committed at once."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from evolve.config import EvolveConfig
from evolve.executor import Pool
from evolve.journal import Journal, RunLog, Timings
from evolve.progress import stage_progress
from evolve.run_folder import RunFolder
from evolve.workers import Job


class Tracker(Protocol):
    """Hears every recorded metric, and is handed what a run came to; a Weights & Biases run is one."""

    def log(self, row: Mapping[str, Any]) -> None: ...

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...

    def keep(self, name: str, files: Sequence[Path]) -> None:
        """Keep the files as they are now, as one artefact."""
        ...


class NoTracker:
    """Hears nothing."""

    def log(self, row: Mapping[str, Any]) -> None:
        """Forget the row."""

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Forget the table."""

    def keep(self, name: str, files: Sequence[Path]) -> None:
        """Leave the files alone."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """What a job returns: its JSON-able ``result``, ``metrics`` rows, and ``seconds`` by part (for the timings)."""

    result: dict[str, Any]
    metrics: list[dict[str, Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    """A piece of work with a name of its own, the job that does it and the files (or folders) it leaves.

    The job is named ``module:function`` and imported by the worker: this process never loads torch. ``units``: how many
    it will report, where that is known before; ``unit``: what they are, if that says something to people.
    """

    name: str
    job: str
    kwargs: Mapping[str, Any]
    files: Sequence[Path]
    units: int | None = None
    unit: str = ""


def perform(report: Callable[..., None], job: str, kwargs: Mapping[str, Any]) -> StageResult:
    """Import ``module:function`` and call it; runs in a worker."""
    module, _, function = job.partition(":")
    result: StageResult = getattr(importlib.import_module(module), function)(report, **kwargs)
    return result


class RunContext:
    """All that the rounds of one run share."""

    def __init__(self, config: EvolveConfig, folder: RunFolder, pool: Pool, tracker: Tracker) -> None:
        self.config = config
        self.folder = folder
        self.journal = Journal(folder.root / "metrics.jsonl")
        self.timings = Timings(folder.root / "timings.jsonl")
        self.log = RunLog(folder.root / "log.txt")
        self._pool = pool
        self._tracker = tracker

    def run_phase(self, round_number: int, title: str, stages: Sequence[Stage]) -> list[dict[str, Any]]:
        """Do the stages side by side and return their results in the given order.

        A stage that was done before is not done again. Each is committed when it completes, so a kill loses only the
        stages under way; metrics are written in the order of the stages once all are there.
        """
        results = {stage.name: self.folder.stage_result(round_number, stage.name) for stage in stages}
        missing = [stage for stage in stages if results[stage.name] is None]
        if missing:
            title = f"round {round_number} of {self.config.rounds}: {title}"
            self.log.write(f"{title}: {len(missing)} of {len(stages)} stages to do")
            for stage, result in self._do(round_number, title, missing):
                results[stage.name] = result
        done = []
        for stage in stages:
            committed = results[stage.name]
            assert committed is not None
            self._record(f"round_{round_number}/{stage.name}", committed["metrics"], log=stage in missing)
            done.append(committed["result"])
        return done

    def track_round(self, row: Mapping[str, Any]) -> None:
        """Tell the tracker what a round came to (a row of ``summary.json``), as ``round/*``."""
        figures = {name: value for name, value in row.items() if isinstance(value, int | float)}
        self._tracker.log({"round/number": row["round"], **{f"round/{name}": figures[name] for name in figures}})

    def _do(self, round_number: int, title: str, stages: Sequence[Stage]) -> list[tuple[Stage, dict[str, Any]]]:
        done = []
        started = time.perf_counter()
        jobs = [Job(stage.name, perform, {"job": stage.job, "kwargs": stage.kwargs}) for stage in stages]
        known = [stage.units for stage in stages if stage.units is not None]
        total = sum(known) if len(known) == len(stages) else None
        with stage_progress(title, total or len(stages), self.config.progress, unit=stages[0].unit) as bar:
            for outcome in self._pool.run(jobs, on_progress=bar.follow if total else bar.follow_jobs):
                stage, value = stages[outcome.index], outcome.value
                # Stages of a phase run side by side: the time since the last one ended is what this one added.
                now = time.perf_counter()
                key = f"round_{round_number}/{stage.name}"
                self.timings.record(key, now - started, self._pool.peak_memory_mb(), value.seconds)
                started = now
                result = {"result": value.result, "metrics": value.metrics}
                self.folder.commit_stage(round_number, stage.name, stage.files, result)
                done.append((stage, result))
        return done

    def _record(self, key: str, rows: list[dict[str, Any]], log: bool) -> None:
        if not rows:
            return
        if [row for row in self.journal.rows() if row["stage"] == key] != [{"stage": key, **row} for row in rows]:
            self.journal.begin(key)
            self.journal.append(key, rows)
        if log:
            number, _, stage = key.removeprefix("round_").partition("/")
            for row in rows:  # one name from round to round: search/*, ppm/*, policy/* ...
                named = {f"{stage.partition('-')[0]}/{name}": value for name, value in row.items()}
                self._tracker.log({"round/number": int(number), **named})
