"""The jobs of a comparison: what is done is skipped, what completes is committed, what fails holds nobody up.

A job that ends in a sentence for the user fails alone. It is not committed, so the same command tries it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evolve.executor import Pool
from evolve.journal import Journal, RunLog, Timings
from evolve.progress import stage_progress
from evolve.run_folder import RunFolder
from evolve.stages import Stage, StageResult, Tracker, perform
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


def attempt(report: Callable[..., None], job: str, kwargs: Mapping[str, Any]) -> StageResult | Failed:
    """Do a job in a worker; what a user can mend becomes its result."""
    try:
        return perform(report, job, kwargs)
    except UserError as error:
        return Failed(str(error))


class Jobs:
    """Carries out stages on the pool and keeps the record of them in the folder."""

    def __init__(self, folder: RunFolder, pool: Pool, tracker: Tracker, progress: bool) -> None:
        self.folder = folder
        self.log = RunLog(folder.root / "log.txt")
        self._journal = Journal(folder.root / "metrics.jsonl")
        self._timings = Timings(folder.root / "timings.jsonl")
        self._pool = pool
        self._tracker = tracker
        self._progress = progress

    def do(self, title: str, stages: Sequence[SeedStage]) -> list[dict[str, Any] | Failed]:
        """Do the stages side by side; their results in the given order.

        Metrics are written in the order of the stages once all are done, so the record does not depend on timing.
        """
        found: dict[str, dict[str, Any] | Failed | None] = {
            each.key: self.folder.stage_result(each.seed, each.stage.name) for each in stages
        }
        missing = [each for each in stages if found[each.key] is None]
        if missing:
            self.log.write(f"{title}: {len(missing)} of {len(stages)} to do")
            found |= self._do(title, missing)
        results: list[dict[str, Any] | Failed] = []
        for each in stages:
            done = found[each.key]
            assert done is not None
            if isinstance(done, dict):
                self._record(each.key, done["metrics"], log=each in missing)
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

    def _do(self, title: str, stages: Sequence[SeedStage]) -> dict[str, dict[str, Any] | Failed]:
        done: dict[str, dict[str, Any] | Failed] = {}
        started = time.perf_counter()
        jobs = [Job(each.key, attempt, {"job": each.stage.job, "kwargs": each.stage.kwargs}) for each in stages]
        with stage_progress(title, float(len(stages)), enabled=self._progress) as bar:
            for outcome in self._pool.run(jobs, on_progress=bar.follow):
                each, value = stages[outcome.index], outcome.value
                now = time.perf_counter()
                if isinstance(value, Failed):
                    self.log.write(f"{each.key} FAILED: {value.reason}")
                    done[each.key] = value
                    continue
                self._timings.record(each.key, now - started, self._pool.peak_memory_mb(), value.seconds)
                started = now
                result = {"result": value.result, "metrics": value.metrics}
                self.folder.commit_stage(each.seed, each.stage.name, each.stage.files, result)
                done[each.key] = result
        return done

    def _record(self, key: str, rows: list[dict[str, Any]], log: bool) -> None:
        if rows and [row for row in self._journal.rows() if row["stage"] == key] != [{"stage": key, **r} for r in rows]:
            self._journal.begin(key)
            self._journal.append(key, rows)
        if log:
            for row in rows:
                self._tracker.log({f"{key}/{name}": value for name, value in row.items()})
