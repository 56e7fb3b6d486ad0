"""Carrying out the bench's cells: what is done is skipped, what completes is committed at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from evolve.executor import Pool
from evolve.journal import RunLog, Timings
from evolve.progress import stage_progress
from evolve.run_folder import RunFolder
from evolve.stages import Stage, perform
from evolve.workbench.jobs import attempt
from evolve.workers import Job


class Cells:
    """Stages on a pool, with the record of them in the bench's folder (``.stages/NAME.json``, ``timings.jsonl``)."""

    def __init__(self, folder: RunFolder, pool: Pool, progress: bool) -> None:
        self.folder = folder
        self.log = RunLog(folder.root / "log.txt")
        self.timings = Timings(folder.root / "timings.jsonl")
        self._pool = pool
        self._progress = progress

    def do(self, title: str, stages: Sequence[Stage], *, needed: bool = True) -> dict[str, dict[str, Any]]:
        """The results by the stages' names. UserError for the first that cannot be done, and is ``needed``.

        If it is not needed its result is ``refused``, the sentence; it is not committed: the same command tries again.
        """
        found = {stage.name: self.folder.stage_result(0, stage.name) for stage in stages}
        missing = [stage for stage in stages if found[stage.name] is None]
        if missing:
            self.log.write(f"{title}: {len(missing)} of {len(stages)} cells to do")
            found |= self._do(title, missing, perform if needed else attempt)
        return {name: result for name, result in found.items() if result is not None}

    def _do(self, title: str, missing: Sequence[Stage], job: Callable[..., Any]) -> dict[str, dict[str, Any]]:
        jobs = [Job(each.name, job, {"job": each.job, "kwargs": each.kwargs}) for each in missing]
        found = {}
        began = time.perf_counter()
        with stage_progress(title, len(jobs), self._progress) as bar:
            for outcome in self._pool.run(jobs, bar.follow_jobs):
                stage, result = missing[outcome.index], outcome.value.result
                found[stage.name] = result
                now = time.perf_counter()
                self.timings.record(stage.name, now - began, self._pool.peak_memory_mb(), outcome.value.seconds)
                began = now
                if "refused" in result:
                    self.log.write(f"{stage.name}: {result['refused']}")
                else:
                    self.folder.commit_stage(0, stage.name, stage.files, result)
        return found
