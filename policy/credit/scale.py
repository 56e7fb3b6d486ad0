"""What centred rewards and step scores are divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from policy.credit.base import Array, Member, rewards
from policy.credit.config import ScaleRewards

EPSILON = 1e-4  # added to every standard deviation, as in TRL


@dataclass(frozen=True, slots=True)
class Scale:
    """Divisors of rewards and of step scores that the whole update shares; None: the group's own deviation."""

    rewards: float | None = None
    steps: float | None = None


def deviation(values: Array) -> float:
    """Sample standard deviation (n - 1) plus ``EPSILON``; ``EPSILON`` for a single value."""
    return EPSILON + (float(values.std(ddof=1)) if len(values) > 1 else 0.0)


def whitened(groups: Sequence[Sequence[Array]]) -> list[list[Array]]:
    """Advantages less their mean, by their deviation, over all tokens of an update (PPO2, OpenAI baselines).

    All 0 where all are equal. It hides how much an update is worth, and what was 0 may be so no longer.
    """
    every = np.concatenate([advantages_T for own in groups for advantages_T in own] or [np.zeros(1)])
    mean = every[0] if every.max() == every.min() else every.mean()  # whatever rounding makes of equal ones
    size = deviation(every)
    return [[np.asarray((advantages_T - mean) / size) for advantages_T in own] for own in groups]


def scale_of(groups: Sequence[Sequence[Member]], kind: ScaleRewards) -> Scale:
    """The scale of an update that consists of these groups. Source of ``batch``: Lite PPO (arXiv 2508.08221)."""
    if kind is ScaleRewards.GROUP:
        return Scale()
    if kind is ScaleRewards.NONE:
        return Scale(1.0, 1.0)
    every = [member for group in groups for member in group]
    return Scale(deviation(rewards(every)), deviation(step_scores(every)))


def step_scores(members: Sequence[Member]) -> Array:
    """The step scores of all members, one after the other."""
    return np.array([score for member in members for score in member.step_scores], dtype=np.float64)
