"""Min-form credit: the weakest step still to come decides, not the sum.

    s*_k = s_k * softmax(-s / T)_k   over the steps of the member; the sum of s* tends to min(s) as T goes to 0
    A_i,t = sum of s*_i,k over the steps k that end at token t or after it, minus the mean of the others' whole sums

Source: PURE (arXiv 2504.15275, section 4), T = 0.1, with a leave-one-out baseline (RLOO). Steps after the weakest
get next to nothing of it, and further good steps add nothing: that is what sums invite a policy to exploit. Scores in
[-1, 1]. Outcome rewards are not read. A group whose members have equal sums gets 0 at their first steps only.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, leave_one_out, per_token, require, to_go


def min_form(members: Sequence[Member], temperature: float = 0.1) -> list[Array]:
    """Advantages [T] per member. Needs ``step_scores``."""
    require(members, "step_scores")
    returns = [to_go(_weighted(np.array(member.step_scores), temperature)) for member in members]
    wholes_G = np.array([return_S[0] for return_S in returns])
    baselines_G = wholes_G - leave_one_out(wholes_G)
    return [
        per_token(return_S - baseline, member)
        for return_S, baseline, member in zip(returns, baselines_G, members, strict=True)
    ]


def _weighted(scores_S: Array, temperature: float) -> Array:
    weights_S = np.exp((scores_S.min() - scores_S) / temperature)
    return np.asarray(scores_S * weights_S / weights_S.sum())
