"""One run from its config to its reports."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from evolve.config import RESULT_NEUTRAL, EvolveConfig, WandbMode, check
from evolve.executor import open_pool
from evolve.journal import RunLog
from evolve.open_run import open_run
from evolve.report import SET_ASIDE
from evolve.rounds import Evolution, training_problems
from evolve.stages import RunContext
from evolve.tracked_trees import keep_trees
from evolve.tracking import tracking
from tasks.durable import sweep_temporaries, write_json_atomic
from tasks.errors import UserError
from tasks.file_task import FileTask
from tasks.registry import build_task, rejected_answers

_VALIDATED = 200


def evolve(config: EvolveConfig, settings: dict[str, Any], root: Path) -> dict[str, Any]:
    """Begin the run of ``root``, or take it up where it stopped; returns what ``summary.json`` holds.

    ``settings`` is the config as plain data, for the record. Raises UserError for anything a user can mend; what was
    done until then is kept.
    """
    check(config)
    _refuse_bad_problems(config)
    note = RunLog(root / "log.txt").write
    with (
        open_run(root, settings, config.overwrite, RESULT_NEUTRAL) as folder,
        open_pool(config.executor, config.workers, config.ray, config.engine.device, root, note) as pool,
        tracking(config.wandb, root, settings) as tracker,
    ):
        context = RunContext(config, folder, pool, tracker)
        context.log.write(f"started with {config.workers} workers ({config.executor})")
        _list_set_aside(context)
        begun = time.monotonic()
        try:
            summary = Evolution(context).run()
        except BaseException as error:
            context.log.write(f"stopped: {type(error).__name__}: {error}")
            raise
        if config.wandb.mode is not WandbMode.DISABLED:
            keep_trees(tracker, root, context.log)
        sweep_temporaries(root)  # of actors that were lost
        context.log.write(f"finished after {time.monotonic() - begun:.0f} s")
        return summary


def _list_set_aside(context: RunContext) -> None:
    """Say which rows of the task's file were left out, and why: ``set_aside.json``."""
    task = build_task(context.config.task)
    if isinstance(task, FileTask) and task.set_aside:
        rows = [{"line": line, "reason": reason} for line, reason in task.set_aside]
        write_json_atomic(context.folder.root / SET_ASIDE, rows)
        context.log.write(f"{len(rows)} rows of the data were set aside; {SET_ASIDE} lists them")


def _refuse_bad_problems(config: EvolveConfig) -> None:
    """The run must have problems, and each of them a reference answer that its own verifier accepts.

    A verifier that rejects a problem's own answer makes every reward of the run meaningless.
    """
    task, split = build_task(config.task), config.evaluation.split
    judged = task.problems(split, config.evaluation.problems)
    if not judged:
        raise UserError(f"task {task.name} has no {split} problem to evaluate on; give it more problems")
    searched = training_problems(task, config, config.rounds) if config.rounds else []
    if config.rounds and not searched:
        raise UserError(
            f"task {task.name} has no training problem left for round {config.rounds}; give it more problems, "
            "or with search.choice=fresh lower search.problems"
        )
    rejected = rejected_answers(task, [*searched[:_VALIDATED], *judged[:_VALIDATED]])
    if rejected:
        raise UserError(
            f"the verifier of task {task.name} rejects the answer {rejected[0].answer!r} of its own problem "
            f"{rejected[0].id} ({len(rejected)} such problems found); mend the verifier or the data"
        )
