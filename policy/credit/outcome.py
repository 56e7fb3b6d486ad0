"""Outcome credit: every token of a trajectory gets the same.

    A_i,t = (r_i - mean(r)) / (std(r) + 1e-4)

with mean and sample deviation over the group (GRPO: DeepSeekMath, arXiv 2402.03300, section 4.1.2; the small number is
TRL's), the deviation over the batch (arXiv 2508.08221), or no division at all (Dr. GRPO, arXiv 2503.20783). A group of
equal rewards gets 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from policy.credit.base import Array, Member, centred, per_token, rewards
from policy.credit.scale import Scale, deviation


def outcome(members: Sequence[Member], scale: Scale) -> list[Array]:
    """Advantages [T] per member."""
    rewards_G = rewards(members)
    advantages_G = centred(rewards_G) / (scale.rewards or deviation(rewards_G))
    return [
        per_token([advantage] * len(member.step_ends), member)
        for advantage, member in zip(advantages_G, members, strict=True)
    ]
