"""Implicit process credit: log-ratio token rewards and the outcome, each against the other members.

    A_i,t = sum over s >= t of discount^(s - t) * (u_i,s - mean over j != i of mean_s(u_j,s))
          + r_i - mean over j != i of r_j

with the token rewards u = beta * (log pi_phi - log pi_ref) of an implicit PRM trained on outcomes alone. Source: PRIME
(arXiv 2502.01456, section 3): the process baseline is the mean token reward of the others. A group of one gets no
process part either, for it has no baseline.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, leave_one_out, require, rewards, to_go


def implicit(members: Sequence[Member], discount: float = 1.0) -> list[Array]:
    """Advantages [T] per member. Needs ``token_scores``: u, with beta in it."""
    require(members, "token_scores")
    outcomes_G = leave_one_out(rewards(members))
    if len(members) == 1:
        return [np.zeros(members[0].tokens)]
    tokens = [np.array(member.token_scores) for member in members]
    means_G = np.array([scores_T.mean() for scores_T in tokens])
    baselines_G = (means_G.sum() - means_G) / (len(members) - 1)
    return [
        to_go(scores_T - baseline, discount) + outcome
        for scores_T, baseline, outcome in zip(tokens, baselines_G, outcomes_G, strict=True)
    ]
