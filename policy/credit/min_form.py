"""Min-form credit: the weakest step still to come decides, not the sum.

    s*_k = s_k * softmax(-s / T)_k   over the steps of the member; the sum of s* tends to min(s) as T goes to 0
    b_i = sum of s* over all steps of the others / number of their tokens
    A_i,t = sum of (s*_i,k - b_i * tokens of step k) over the steps k that end at token t or after it

Source: PURE (arXiv 2504.15275), T = 0.1, and the baseline per token of its published code: a baseline that does not
shrink towards the end would blame whatever follows the weakest step, for there is nothing left to earn there. Steps
after the weakest get next to nothing of it, and further good steps add nothing: that is what sums invite a policy to
exploit. Scores in [-1, 1]. Outcome rewards are not read. A member alone in its group has the baseline 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, per_token, require, to_go


def min_form(members: Sequence[Member], temperature: float = 0.1) -> list[Array]:
    """Advantages [T] per member. Needs ``step_scores``."""
    require(members, "step_scores")
    weighted = [_weighted(np.array(member.step_scores), temperature) for member in members]
    sums_G = np.array([scores_S.sum() for scores_S in weighted])
    tokens_G = np.array([member.tokens for member in members])
    baselines_G = (sums_G.sum() - sums_G) / np.maximum(1, tokens_G.sum() - tokens_G)
    return [
        per_token(to_go(scores_S - baseline * np.diff((0, *member.step_ends))), member)
        for scores_S, baseline, member in zip(weighted, baselines_G, members, strict=True)
    ]


def _weighted(scores_S: Array, temperature: float) -> Array:
    weights_S = np.exp((scores_S.min() - scores_S) / temperature)
    return np.asarray(scores_S * weights_S / weights_S.sum())
