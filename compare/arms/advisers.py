"""Whom an arm asks what its trajectories are worth: as a whole, step by step, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

from compare.arms.companion import Companion
from compare.arms.course import Course
from compare.arms.critic import Critic
from compare.arms.implicit import ImplicitPrm
from compare.arms.remedies import GuardedPpm
from compare.arms.reward_model import make_rewarder
from compare.arms.scorers import make_scorer
from compare.companion_config import Rewards
from compare.config import ArmConfig, Recipe, Scores
from policy.credit.base import Member
from policy.credit.config import CreditName
from policy.rl import Group, members


class Advisers:
    """The reward model, the scorer and the companion that the arm's options name; each may be missing."""

    def __init__(self, course: Course) -> None:
        self._reward, self._score = make_rewarder(course), make_scorer(course)
        self._companion = make_companion(course)

    def members(self, groups: Sequence[Group], seed: int) -> list[list[Member]]:
        """The groups as the arm's credit sees them."""
        nothing: list[None] = [None] * len(groups)
        steps = self._score(groups, seed) if self._score else nothing
        tokens = self._companion.advise(groups) if self._companion else nothing
        rewards = self._reward(groups) if self._reward else nothing
        return [members(*each) for each in zip(groups, steps, tokens, rewards, strict=True)]

    def learn(self, groups: Sequence[Group], seen: Sequence[Sequence[Member]], seed: int) -> dict[str, float]:
        """Whoever learns beside the policy does so, the companion from what it was asked about; metrics."""
        asked = [(group, own) for group, own in zip(groups, seen, strict=True) if own[0].token_scores]
        found = {}
        if self._companion and asked:
            found = self._companion.learn([group for group, _ in asked], [own for _, own in asked], seed)
        return found | (self._score.learn(groups, seen, seed) if isinstance(self._score, GuardedPpm) else {})


def make_companion(course: Course) -> Companion | None:
    """The model of tokens that the arm's credit asks."""
    match course.arm.credit.name:
        case CreditName.GAE:
            return Critic(course)
        case CreditName.IMPLICIT:
            return ImplicitPrm(course)
    return None


def has_learned_reward(arm: ArmConfig) -> bool:
    """Does the arm follow a reward that was learned, and may be wrong?"""
    learns = arm.rewards is Rewards.REWARD_MODEL or arm.credit.name is CreditName.IMPLICIT or arm.scores is Scores.PPM
    return arm.recipe is Recipe.ON_POLICY and learns


def learned_reward(arm: ArmConfig, member: Member) -> float | None:
    """What the learned reward thinks of a solution, from 0 to 1; None where an arm has none, or did not ask.

    The implicit process model's chance of success; the chance that a reward model's standardised score stands for; of
    a PPM's scores s, remedies and all, (1 + s) / 2 of the mean step, or of the worst one for ``min_form``.
    """
    if not has_learned_reward(arm):
        return None
    if arm.rewards is Rewards.REWARD_MODEL:
        return _sigmoid(member.reward)
    if arm.credit.name is CreditName.IMPLICIT:
        return _sigmoid(sum(member.token_scores)) if member.token_scores else None
    scores = member.step_scores
    if not scores:
        return None
    weakest = arm.credit.name in (CreditName.MIN_FORM, CreditName.OUTCOME_PLUS_MIN_FORM)
    return (1 + (min(scores) if weakest else sum(scores) / len(scores))) / 2


def _sigmoid(logit: float) -> float:
    return 1 / (1 + exp(-logit)) if logit > -500 else 0.0
