"""An arm in stages: each is an arm of its own that goes on from the policy of the one before, on one account.

What a stage does not spend of its share the next one has. The learning rate's schedule begins anew with every stage,
and what a stage is held to (the reference of a KL penalty, a critic's or a reward model's beginning) is the policy that
it began with, as in DeepSeek-R1 (arXiv 2501.12948, section 2.3). A stage that is done is kept until the arm is: one
that was killed goes on from the last of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any

from compare.arms.course import Course
from compare.arms.work import ArmWork, StageWork, plain
from compare.config import ArmConfig, Recipe
from evolve.stages import StageResult
from lm.distributed import agreed, rank
from tasks.durable import atomic_dir
from tasks.errors import DataError

_STATE = "state.json"
_POLICY = "policy"


def in_stages(
    report: Callable[..., None], work: ArmWork, recipes: Mapping[Recipe, Callable[[Course], None]]
) -> StageResult:
    """Carry out the arm's stages, and give what the whole came to; ``stages`` in it says what each did."""
    ends, told = _ends(work.arm), list[dict[str, Any]]()
    start, before = work.start, _nothing(work)
    for number, stage in enumerate(work.arm.stages):
        home = work.checkpoint
        given = StageWork(
            number,
            ends[number],
            work.start,
            home,
            before["ledger"],
            [(flops, accuracy) for flops, accuracy in before["curve"]],
            before["rows"],
            before["updates"],
        )
        own = replace(work, name=f"{work.name}.stages.{number}", start=start, stage=given)
        done, is_last = home / f"{number}-done", number + 1 == len(ends)
        if is_last or (found := _done(done, work.arm)) is None:
            course = Course(report, own)
            recipes[stage.recipe](course)
            if is_last:
                whole = course.finish()
                told.append(_told(stage, number, before, whole.result))
                return replace(whole, result={**whole.result, "arm": plain(work.arm), "stages": told})
            found = _keep(course, done)
        told.append(_told(stage, number, before, found))
        start, before = done / _POLICY, found
    raise AssertionError("an arm without stages is refused")


def _ends(arm: ArmConfig) -> list[float]:
    """The share of the budget that is spent when each stage is over."""
    shares = [stage.share for stage in arm.stages]
    ends = [part / sum(shares) for part in accumulate(shares)]
    return [*ends[:-1], 1.0]


def _nothing(work: ArmWork) -> dict[str, Any]:
    return {
        "ledger": {"parameters": {}, "phases": {}},
        "curve": [],
        "rows": [],
        "updates": 0,
        "right": work.start_right,
    }


def _keep(course: Course, path: Path) -> dict[str, Any]:
    """Write what the next stage goes on from. All ranks take part, rank 0 writes."""
    found = course.hand_over()
    if not rank():
        with atomic_dir(path) as folder:
            course.policy.model.save_pretrained(folder / _POLICY)
            course.policy.tokenizer.save_pretrained(folder / _POLICY)
            about = plain(course.config.arms[course.work.name.partition(".")[0]])
            (folder / _STATE).write_text(json.dumps({"arm": about, **found}, allow_nan=False), encoding="utf-8")
    agreed(None)
    return found


def _done(path: Path, arm: ArmConfig) -> dict[str, Any] | None:
    """What a finished stage left; None if it is not done, or belongs to an arm of other options."""
    if not agreed((path / _STATE).is_file()):
        return None
    try:
        found: dict[str, Any] = json.loads((path / _STATE).read_text(encoding="utf-8"))
        return found if found.pop("arm") == plain(arm) else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: what the stage left cannot be read ({type(error).__name__}); delete this folder, and the stage "
            "is done again"
        ) from error


def _told(stage: ArmConfig, number: int, before: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What a reader is told of a stage. ``begins`` and ``ends`` in charged FLOPs, ``right``: accuracy then."""
    at = before["curve"][-1] if before["curve"] else found["curve"][0]
    end = found["curve"][-1]
    return {
        "label": stage.label or f"{number + 1} {stage.recipe}",
        "begins": at[0],
        "ends": end[0],
        "right": [round(at[1], 6), round(end[1], 6)],
        "updates": found["updates"] - before["updates"],
    }
