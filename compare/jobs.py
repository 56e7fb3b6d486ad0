"""The jobs of a comparison: what is done is skipped, what completes is committed, what fails holds nobody up.

A job that ends in a sentence for the user fails alone. It is not committed, so the same command tries it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from evolve.executor import Pool
from evolve.journal import Journal, RunLog, Timings
from evolve.progress import StageBar, stage_progress
from evolve.run_folder import RunFolder
from evolve.stages import Stage, StageResult, Tracker, perform
from evolve.worker_process import Progress
from evolve.workers import Job
from tasks.errors import UserError


@dataclass(frozen=True, slots=True)
class Failed:
    """A job that could not be done, and the sentence that says why."""

    reason: str


@dataclass(frozen=True, slots=True)
class SeedStage:
    """A stage of one seed."""

    seed: int
    stage: Stage

    @property
    def key(self) -> str:
        """Its name in the record."""
        return f"seed_{self.seed}/{self.stage.name}"


class Display(Protocol):
    """Something that shows how far jobs are, and hears how each ends."""

    def shown(self, title: str, enabled: bool) -> AbstractContextManager[object]: ...

    def follow(self, progress: Progress) -> None: ...

    def ended(self, key: str, found: Mapping[str, Any] | Failed) -> None: ...


class _Bar:
    """One bar for all jobs of a phase."""

    def __init__(self, jobs: int) -> None:
        self._jobs = float(jobs)
        self._bar: StageBar | None = None

    @contextmanager
    def shown(self, title: str, enabled: bool) -> Iterator[None]:
        with stage_progress(title, self._jobs, enabled) as self._bar:
            yield

    def follow(self, progress: Progress) -> None:
        assert self._bar is not None, "it is shown while jobs run"
        self._bar.follow(progress)

    def ended(self, key: str, found: Mapping[str, Any] | Failed) -> None:
        """The bar shows shares only."""


def attempt(report: Callable[..., None], job: str, kwargs: Mapping[str, Any]) -> StageResult | Failed:
    """Do a job in a worker; what a user can mend becomes its result."""
    try:
        return perform(report, job, kwargs)
    except UserError as error:
        return Failed(str(error))


Track = Callable[[SeedStage], AbstractContextManager[Tracker]]
"""Opens what the metrics of a stage go to beside the record."""


class Jobs:
    """Carries out stages on the pool and keeps the record of them in the folder."""

    def __init__(self, folder: RunFolder, pool: Pool, track: Track, progress: bool) -> None:
        self.folder = folder
        self.log = RunLog(folder.root / "log.txt")
        self._journal = Journal(folder.root / "metrics.jsonl")
        self._timings = Timings(folder.root / "timings.jsonl")
        self._pool = pool
        self._track = track
        self._progress = progress

    def do(
        self, title: str, stages: Sequence[SeedStage], display: Display | None = None
    ) -> list[dict[str, Any] | Failed]:
        """Do the stages side by side; their results in the given order. ``display``: by default a bar.

        Metrics are written in the order of the stages once all are done, so the record does not depend on timing.
        """
        found: dict[str, dict[str, Any] | Failed | None] = {
            each.key: self.folder.stage_result(each.seed, each.stage.name) for each in stages
        }
        missing = [each for each in stages if found[each.key] is None]
        display = display or _Bar(len(missing))
        for key, result in found.items():
            if result is not None:
                display.ended(key, result)
        if missing:
            self.log.write(f"{title}: {len(missing)} of {len(stages)} to do")
            found |= self._do(title, missing, display)
        results: list[dict[str, Any] | Failed] = []
        for each in stages:
            done = found[each.key]
            assert done is not None
            if isinstance(done, dict):
                self._record(each.key, done["metrics"])
            results.append(done if isinstance(done, Failed) else done["result"])
        return results

    def seconds(self) -> Mapping[str, Mapping[str, float]]:
        """Seconds by phase of each stage's last attempt."""
        return self._timings.summary().parts

    def metrics(self) -> dict[str, list[dict[str, Any]]]:
        """The recorded rows of every stage."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self._journal.rows():
            found.setdefault(row["stage"], []).append(row)
        return found

    def _do(self, title: str, stages: Sequence[SeedStage], display: Display) -> dict[str, dict[str, Any] | Failed]:
        done: dict[str, dict[str, Any] | Failed] = {}
        started = time.perf_counter()
        jobs = [Job(each.key, attempt, {"job": each.stage.job, "kwargs": each.stage.kwargs}) for each in stages]
        with display.shown(title, self._progress):
            for outcome in self._pool.run(jobs, on_progress=display.follow):
                each, value = stages[outcome.index], outcome.value
                now = time.perf_counter()
                if isinstance(value, Failed):
                    self.log.write(f"{each.key} FAILED: {value.reason}")
                    done[each.key] = value
                else:
                    self._timings.record(each.key, now - started, self._pool.peak_memory_mb(), value.seconds)
                    started = now
                    result = {"result": value.result, "metrics": value.metrics}
                    self.folder.commit_stage(each.seed, each.stage.name, each.stage.files, result)
                    self._tell(each, value.metrics)
                    done[each.key] = result
                display.ended(each.key, done[each.key])
        return done

    def _tell(self, each: SeedStage, rows: list[dict[str, Any]]) -> None:
        """What is tracked is for eyes, in the order in which it happens; the record is not."""
        if rows:
            with self._track(each) as tracker:
                for row in rows:
                    tracker.log(row)

    def _record(self, key: str, rows: list[dict[str, Any]]) -> None:
        if rows and [row for row in self._journal.rows() if row["stage"] == key] != [{"stage": key, **r} for r in rows]:
            self._journal.begin(key)
            self._journal.append(key, rows)
