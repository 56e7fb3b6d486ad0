"""Critic credit: generalised advantage estimation.

    delta_t = r_t + discount * V_t+1 - V_t,   A_t = delta_t + discount * lambda * A_t+1

with V_t the critic's value of what stands before token t, V after the last token 0, and r_t the outcome reward at the
last token, 0 before. Source: Schulman et al. (arXiv 1506.02438, eq. 16), as PPO uses it (Ziegler et al., arXiv
1909.08593). Members do not look at each other. The KL to the start policy is the loss's (``beta``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, require, to_go


def gae(members: Sequence[Member], discount: float = 1.0, gae_lambda: float = 0.95) -> list[Array]:
    """Advantages [T] per member. Needs ``token_scores``: the critic's values. A plus V is what the critic learns."""
    require(members, "token_scores")
    return [to_go(_deltas(member, discount), discount * gae_lambda) for member in members]


def _deltas(member: Member, discount: float) -> Array:
    values_T = np.array(member.token_scores)
    rewards_T = np.zeros(member.tokens)
    rewards_T[-1] = member.reward
    return np.asarray(rewards_T + discount * np.append(values_T[1:], 0.0) - values_T)
