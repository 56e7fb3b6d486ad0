"""Step credit: how much a step changed the value.

    A_i,t = V(after step k) - V(before step k)   for the tokens t of step k

V after a step is its score (Monte-Carlo or a PPM's, in [-1, 1]); after the last step it is the outcome, 2 r - 1, as
nothing remains to be estimated; before the first it is the mean outcome of the group, which is the Monte-Carlo value of
the prompt. A member's steps add up to its outcome minus that mean, and over the group to 0.
Source: VinePPO (arXiv 2410.01679, section 4) with K continuations per prefix; SPO (arXiv 2505.23564) for segments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, per_token, require, rewards


def step_delta(members: Sequence[Member]) -> list[Array]:
    """Advantages [T] per member. Needs ``step_scores``; the one of the last step is not read."""
    require(members, "step_scores")
    start = float((2 * rewards(members) - 1).mean())
    return [per_token(np.diff((start, *member.step_scores[:-1], 2 * member.reward - 1)), member) for member in members]
