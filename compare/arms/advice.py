"""What to lower when an arm does not get far enough with its budget: only options that its recipe reads."""

from __future__ import annotations

from compare.arms.work import ArmWork
from compare.companion_config import Rewards
from compare.config import Recipe, Scores


def before_updates(work: ArmWork) -> str:
    """Where everything was spent before the first update: what was grown or sampled at once was too much."""
    arm, pool = work.arm, work.trees is not None and work.trees.shared
    options = ["search.group", "search.rollouts"] if work.trees is not None else []
    samples = arm.recipe is Recipe.RFT or arm.rewards is Rewards.REWARD_MODEL or arm.warmup > 0
    if samples and not pool:
        options += ["rl.problems", "rl.group"]
    return _told(options)


def in_an_update(work: ArmWork) -> str:
    """Where one update is too large."""
    if work.arm.recipe is not Recipe.ON_POLICY:
        return _told(["tuning.batch_rows"])
    options = ["rl.problems"]
    if work.trees is None or not work.trees.shared:
        options.append("tree.rollouts" if work.arm.tree else "rl.group")
    if work.arm.scores is Scores.MONTE_CARLO:
        options.append(f"arms.{work.name}.continuations")
    return _told(options)


def _told(options: list[str]) -> str:
    return f", or lower {' or '.join(options)}" if options else ""
