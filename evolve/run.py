"""One run from its config to its reports."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from evolve.config import RESULT_NEUTRAL, EvolveConfig, check
from evolve.rounds import Evolution
from evolve.run_folder import open_run
from evolve.stages import RunContext
from evolve.tracking import tracking
from evolve.workers import WorkerPool
from tasks.registry import build_task, validate

_VALIDATED = 200


def evolve(config: EvolveConfig, settings: dict[str, Any], root: Path) -> dict[str, Any]:
    """Begin the run of ``root``, or take it up where it stopped; returns what ``summary.json`` holds.

    ``settings`` is the config as plain data, for the record. Raises UserError for anything a user can mend; what was
    done until then is kept.
    """
    check(config)
    _refuse_bad_answers(config)
    with (
        open_run(root, settings, config.overwrite, RESULT_NEUTRAL) as folder,
        WorkerPool(config.workers) as pool,
        tracking(config.wandb, root, settings) as tracker,
    ):
        context = RunContext(config, folder, pool, tracker)
        context.log.write(f"started with {config.workers} workers")
        begun = time.monotonic()
        try:
            summary = Evolution(context).run()
        except BaseException as error:
            context.log.write(f"stopped: {type(error).__name__}: {error}")
            raise
        context.log.write(f"finished after {time.monotonic() - begun:.0f} s")
        return summary


def _refuse_bad_answers(config: EvolveConfig) -> None:
    """A verifier that rejects a problem's own answer makes every reward of the run meaningless."""
    rejected = validate(build_task(config.task), _VALIDATED)
    assert not rejected, f"the verifier rejects the answers of {[problem.id for problem in rejected[:3]]}"
