"""One run from its config to its reports."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from evolve.config import RESULT_NEUTRAL, EvolveConfig, WandbMode, check
from evolve.executor import open_pool
from evolve.journal import RunLog
from evolve.open_run import open_run
from evolve.report import OVERLAP, SET_ASIDE
from evolve.rounds import Evolution
from evolve.sandboxing import active_tier, told
from evolve.stages import RunContext
from evolve.supply import refuse_varied, training_problems
from evolve.teacher import refuse_missing
from evolve.tracked_trees import keep_trees
from evolve.tracking import tracking
from policy.completions_client import CompletionsClient
from policy.config import EngineName
from tasks.durable import sweep_temporaries, write_json_atomic
from tasks.errors import UserError
from tasks.registry import build_task, file_tasks, rejected_answers

_VALIDATED = 200


def is_finished(config: EvolveConfig, root: Path) -> bool:
    """Has the run of ``root`` done every round that is asked for?"""
    asked = range(config.rounds + 1)
    return not config.overwrite and all((root / f"round_{number}" / "DONE").exists() for number in asked)


def unserved(config: EvolveConfig, root: Path) -> str | None:
    """What to know where engine=openai finds no server yet: the run goes as far as it can, for it makes what is served.

    None where the server answers, where none is needed, and in a finished run.
    """
    if config.engine.name is not EngineName.OPENAI or is_finished(config, root):
        return None
    client = CompletionsClient(replace(config.engine.server, retries=0), config.engine.timeout_s)
    try:
        client.get("/models")
        return None
    except UserError:
        first = root / "round_0" / "policy"
        done = "is there" if (first / "config.json").exists() else "is made first, and then the run stops"
        return (
            f"No server answers at {client.url}. The policy that it is to serve, {first}, {done}; let the server serve "
            "it, and start the same command again (docs/engines.md)."
        )
    finally:
        client.close()


def evolve(config: EvolveConfig, settings: dict[str, Any], root: Path) -> dict[str, Any]:
    """Begin the run of ``root``, or take it up where it stopped; returns what ``summary.json`` holds.

    ``settings`` is the config as plain data, for the record. Raises UserError for anything a user can mend; what was
    done until then is kept.
    """
    check(config)
    tier = active_tier(config.policy.steps)
    refuse_missing(config.teacher)
    _refuse_bad_problems(config)
    wandb = config.wandb
    if is_finished(config, root) and wandb.mode is WandbMode.OFFLINE:
        wandb = replace(wandb, mode=WandbMode.DISABLED)  # it heard all there is
    note = RunLog(root / "log.txt").write
    with (
        open_run(root, settings, config.overwrite, RESULT_NEUTRAL) as folder,
        open_pool(config.executor, config.workers, config.ray, config.engine.device, root, note) as pool,
        tracking(wandb, root, settings) as tracker,
    ):
        context = RunContext(config, folder, pool, tracker)
        context.log.write(f"started with {config.workers} workers ({config.executor})")
        if tier is not None:
            folder.add_fact("sandbox", str(tier))
            context.log.write(told(tier))
        _list_set_aside(context)
        begun = time.monotonic()
        try:
            summary = Evolution(context).run()
        except BaseException as error:
            context.log.stopped(error)
            raise
        if wandb.mode is not WandbMode.DISABLED:
            keep_trees(tracker, root, context.log)
        sweep_temporaries(root)  # of actors that were lost
        context.log.write(f"finished after {time.monotonic() - begun:.0f} s")
        return summary


def _list_set_aside(context: RunContext) -> None:
    """Say which rows of the task's files were left out, and why: ``set_aside.json`` and ``overlap.json``."""
    files = file_tasks(build_task(context.config.task))
    if files:
        write_json_atomic(context.folder.root / OVERLAP, [task.overlap_report() for task in files])
    rows = [{"line": line, "reason": reason} for task in files for line, reason in task.set_aside]
    if rows:
        write_json_atomic(context.folder.root / SET_ASIDE, rows)
        told = f"{len(rows)} rows of the data were set aside; {SET_ASIDE} lists them"
        context.log.write(told)
        if context.config.progress:
            print(f"{told} (line {rows[0]['line']}: {rows[0]['reason']})", file=sys.stderr)


def _refuse_bad_problems(config: EvolveConfig) -> None:
    """The run must have problems, and each of them a reference answer that its own verifier accepts.

    A verifier that rejects a problem's own answer makes every reward of the run meaningless.
    """
    task, split = build_task(config.task), config.evaluation.split
    judged = task.problems(split, config.evaluation.problems)
    if not judged:
        raise UserError(f"task {task.name} has no {split} problem to evaluate on; give it more problems")
    refuse_varied(task, config)
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
