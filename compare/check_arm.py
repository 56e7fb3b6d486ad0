"""Arms that cannot work, or that need what the task cannot give, told before anything is computed for them."""

from __future__ import annotations

import math

from compare.companion_config import Reads, Rewards
from compare.config import ArmConfig, Recipe, Scores
from policy.config import TrainFrom
from policy.credit.config import CreditName
from policy.credit.registry import needs
from tasks.errors import UserError
from tasks.graders.base import Resources
from tasks.graders.build import load_grader, load_spec, reads_policy
from tasks.problem import Task

_Rules = dict[str, bool]
"""Sentences for the user, and whether each rule holds."""


def check_arm(name: str, arm: ArmConfig, task: Task, shared_pool: bool = False) -> None:
    """Refuse an arm that cannot work, or that needs what the task cannot give: the other arms go on without it.

    With ``shared_pool`` an arm that wants trajectories of its own is refused too.
    """
    if arm.recipe is Recipe.STAGES or arm.stages:
        _check_stages(name, arm, task, shared_pool)
    if arm.reward is not None:
        _check_reward(f"arms.{name}.reward", arm.reward, task)
    _check_one_reward_model(name, arm)
    rules = (
        _credit(name, arm, task)
        | _rewards(name, arm, shared_pool)
        | _groups(name, arm)
        | _trees(name, arm)
        | _ppm(name, arm, shared_pool)
        | _amounts(name, arm)
        | _sources(name, arm, task)
    )
    for rule, holds in rules.items():
        if not holds:
            raise UserError(rule)


def _credit(name: str, arm: ArmConfig, task: Task) -> _Rules:
    """What the credit wants valued, and who values it."""
    wanted = _wanted(arm)
    return {
        f"arms.{name}.scores=oracle needs true step labels, and task {task.name} has no step oracle": (
            arm.scores is not Scores.ORACLE or task.oracle is not None
        ),
        f"arms.{name}.credit.name={arm.credit.name} needs step scores; set arms.{name}.scores": (
            "step_scores" not in wanted or arm.scores is not Scores.NONE
        ),
        f"arms.{name}: credit oracle and scores oracle go together": (
            (arm.credit.name is CreditName.ORACLE) <= (arm.scores is Scores.ORACLE)
        ),
        f"arms.{name}.credit.name={arm.credit.name} needs groups that are trees; set arms.{name}.tree=true": (
            "path" not in wanted or arm.tree
        ),
        f"arms.{name}.scores=tree needs groups that are trees; set arms.{name}.tree=true": (
            arm.scores is not Scores.TREE or arm.tree
        ),
    }


def _rewards(name: str, arm: ArmConfig, shared_pool: bool) -> _Rules:
    """What a reward model in the verifier's place rules out."""
    is_verifier = arm.rewards is Rewards.VERIFIER
    return {
        f"arms.{name}.rewards=reward_model samples the pairs of its reward model, and shared_pool=true gives every arm "
        "the same trajectories; leave the arm out, or compare without a shared pool": not shared_pool or is_verifier,
        f"arms.{name}.rewards=reward_model is for credit outcome and gae, got arms.{name}.credit.name="
        f"{arm.credit.name}": is_verifier or arm.credit.name in (CreditName.OUTCOME, CreditName.GAE),
        f"arms.{name}.least_accuracy and most_accuracy ask the verifier, whom rewards=reward_model replaces": (
            is_verifier or (arm.least_accuracy, arm.most_accuracy) == (0, 1)
        ),
        f"arms.{name}.reward_model must lie between 0 and 1, got {arm.reward_model}": 0 < arm.reward_model < 1,
    }


def _groups(name: str, arm: ArmConfig) -> _Rules:
    """Who learns before the policy does, and from which groups it learns."""
    return {
        f"arms.{name}.warmup must be at least 0 and below 1, got {arm.warmup}": 0 <= arm.warmup < 1,
        f"arms.{name}.warmup is for credit gae and implicit, got arms.{name}.credit.name={arm.credit.name}": (
            not arm.warmup or "token_scores" in _wanted(arm)
        ),
        f"arms.{name} wants 0 <= least_accuracy <= most_accuracy <= 1, got {arm.least_accuracy} and "
        f"{arm.most_accuracy}": (0 <= arm.least_accuracy <= arm.most_accuracy <= 1),
    }


def _trees(name: str, arm: ArmConfig) -> _Rules:
    """Shares of the budget for trees."""
    from_trees = arm.needs_ppm or arm.recipe is Recipe.STEP_DPO
    return {
        f"arms.{name} learns from trees: arms.{name}.trees must lie between 0 and 1, got {arm.trees}": (
            not from_trees or 0 < arm.trees < 1
        ),
        f"arms.{name}.remedy.second grows as many trees again: arms.{name}.trees must lie below 0.5, got {arm.trees}": (
            arm.remedy.second is None or 2 * arm.trees < 1
        ),
    }


def _ppm(name: str, arm: ArmConfig, shared_pool: bool) -> _Rules:
    """A PPM that is there already, a flaw on purpose, remedies: all of them of a PPM that is followed."""
    follows_ppm = arm.recipe is Recipe.ON_POLICY and arm.scores is Scores.PPM
    is_changed = bool(arm.planted) or arm.remedy.is_on
    return {
        f"arms.{name}.ppm is for an arm that follows a PPM; set arms.{name}.scores=ppm": follows_ppm or arm.ppm is None,
        f"arms.{name}.planted and arms.{name}.remedy.second want trees of the arm's own; leave arms.{name}.ppm out": (
            arm.ppm is None or not (arm.planted or arm.remedy.second is not None)
        ),
        f"arms.{name}.planted and arms.{name}.remedy are for a PPM that is followed; set arms.{name}.scores=ppm": (
            follows_ppm or not is_changed
        ),
        f"arms.{name}.planted and arms.{name}.remedy are for trees of the arm's own, and shared_pool=true has none": (
            not shared_pool or not is_changed
        ),
    }


def _amounts(name: str, arm: ArmConfig) -> _Rules:
    return {
        f"arms.{name}.sampling must lie between 0 and 1, got {arm.sampling}": 0 < arm.sampling < 1,
        f"arms.{name}.continuations must be at least 1, got {arm.continuations}": arm.continuations >= 1,
    }


def _sources(name: str, arm: ArmConfig, task: Task) -> _Rules:
    """Where solutions, pairs and rewards come from, where it is not the arm itself and the task's verifier."""
    is_rft, is_model = arm.recipe is Recipe.RFT, arm.rewards is Rewards.REWARD_MODEL
    parts = list(getattr(task, "parts", ()))
    unknown = [part for part in arm.reward_model_parts if part not in parts]
    return {
        f"arms.{name}.teacher, demonstrations and train_from are for recipe=rft, got arms.{name}.recipe={arm.recipe}": (
            is_rft or (arm.teacher, arm.demonstrations, arm.train_from) == (None, 0, TrainFrom.PREVIOUS)
        ),
        f"arms.{name}.demonstrations must be at least 0, got {arm.demonstrations}": arm.demonstrations >= 0,
        f"arms.{name}.reward is for recipe=on_policy and rft, got arms.{name}.recipe={arm.recipe}": (
            arm.reward is None or arm.recipe in (Recipe.ON_POLICY, Recipe.RFT)
        ),
        f"arms.{name}.pairs, reward_model_parts and reward_model_reads are for rewards=reward_model": (
            is_model or (arm.pairs, arm.reward_model_parts, arm.reward_model_reads) == (None, [], Reads.SOLUTION)
        ),
        f"arms.{name}.reward_model_parts: task {task.name} has no part {', '.join(unknown)}; its parts are "
        f"{', '.join(parts) or 'none, for it is no mix'}": not unknown,
    }


class _Unasked:
    """Stands for a policy while a grader is only tried."""

    def log_prob(self, context: str, text: str) -> tuple[float, int]:
        raise ValueError("nothing is graded yet")


def _check_reward(option: str, name: str, task: Task) -> None:
    """Refuse a grader that is not there, or cannot be built."""
    try:
        load_grader(name, Resources(log_probs=_Unasked(), verifier=task.verifier))
    except UserError as error:
        raise UserError(f"{option}: {error}") from error


def _check_one_reward_model(name: str, arm: ArmConfig) -> None:
    """Refuse a grader that reads a policy beside a reward model: one account has one size for both."""
    reading = [each.reward for each in (arm, *arm.stages) if each.reward and reads_policy(load_spec(each.reward))]
    if reading and any(each.rewards is Rewards.REWARD_MODEL for each in (arm, *arm.stages)):
        raise UserError(
            f"arms.{name}: reward={reading[0]} reads a policy's log-probabilities, which are charged as a reward "
            "model's, and rewards=reward_model has another model; make two arms of them"
        )


def _check_stages(name: str, arm: ArmConfig, task: Task, shared_pool: bool) -> None:
    """Refuse stages that cannot work, each by its own options."""
    option = f"arms.{name}.stages"
    if (arm.recipe is Recipe.STAGES) != bool(arm.stages):
        raise UserError(f"{option} and arms.{name}.recipe=stages go together; set both, or neither")
    if shared_pool:
        raise UserError(f"{option}: each stage samples for itself, and shared_pool=true gives all arms the same")
    for number, stage in enumerate(arm.stages):
        own = f"{option}.{number}"
        if stage.recipe in (Recipe.STAGES, Recipe.SFT):
            raise UserError(f"{own}.recipe must be one that trains, and has no stages itself, got {stage.recipe}")
        if stage.needs_ppm or stage.recipe is Recipe.STEP_DPO:
            raise UserError(
                f"{own} learns from trees, which are grown before an arm begins; give it a PPM that is there "
                f"({own}.ppm=FOLDER), or take a recipe without trees"
            )
        if not 0 < stage.share < math.inf:
            raise UserError(f"{own}.share must be a number above 0, got {stage.share}")
        check_arm(f"{name}.stages.{number}", stage, task, shared_pool)


def _wanted(arm: ArmConfig) -> tuple[str, ...]:
    """What the arm's credit asks for besides outcomes."""
    return tuple(needs(arm.credit)) if arm.recipe is Recipe.ON_POLICY else ()
