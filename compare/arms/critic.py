"""PPO's critic beside the policy: it values every token before it is drawn, and learns from what the credit found.

The KL to the cold start is in the policy's loss (``beta``), not in the rewards: so the critic's values mean the chance
of success (or the reward model's reward) alone, whitened advantages cannot change its weight, and it is the KL that
every other arm may be given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compare.arms.companion import TokenScores, Trainee
from compare.arms.course import Course
from compare.ledger import Role
from policy.credit.base import Member
from policy.credit.gae import gae
from policy.rl import Group
from prm.critic import ValuedRow, ValueLoss, values
from prm.model import new_scorer_from_policy
from prm.row_group import RowGroup
from tasks.seeding import derive_seed


class Critic:
    """The reward to come, before each token (``prm.critic``)."""

    def __init__(self, course: Course) -> None:
        seed = derive_seed(course.seed, "critic")
        self._model, _ = new_scorer_from_policy(course.work.start, seed, course.policy.device)
        self._credit = course.arm.credit
        self._loss = ValueLoss(course.config.critic.cliprange_value)
        self._trainee = Trainee(course, Role.CRITIC, self._model, course.config.critic.optimiser)

    def advise(self, groups: Sequence[Group]) -> TokenScores:
        """Values in units of the reward."""
        return self._trainee.read(groups, lambda rows: values(self._model, rows))

    def learn(self, groups: Sequence[Group], members: Sequence[Sequence[Member]], seed: int) -> dict[str, float]:
        """Regress on the returns that the advantages stand for."""
        lessons = [self._lesson(group, own) for group, own in zip(groups, members, strict=True)]
        found = self._trainee.learn(lessons, self._loss, seed)
        return found | {"critic/explained_variance": explained_variance(lessons)}

    def _lesson(self, group: Group, members: Sequence[Member]) -> RowGroup[ValuedRow]:
        advantages = gae(members, self._credit.discount, self._credit.gae_lambda)
        rows = [
            ValuedRow(row, tuple((advantages_T + one.token_scores).tolist()), one.token_scores)
            for row, one, advantages_T in zip(self._trainee.rows(group), members, advantages, strict=True)
        ]
        return RowGroup(group.problem.id, tuple(rows))


def explained_variance(groups: Sequence[RowGroup[ValuedRow]]) -> float:
    """1 - var(R - V) / var(R) over all tokens, before the update: 1 knows the returns, 0 or less nothing of them."""
    rows = [one for group in groups for one in group.rows]
    returns_N, values_N = (np.concatenate([getattr(one, name) for one in rows]) for name in ("returns", "old"))
    return float(1 - np.var(returns_N - values_N) / max(float(np.var(returns_N)), 1e-12))
