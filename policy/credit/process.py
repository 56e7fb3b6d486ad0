"""Process credit: what the steps from here on are worth together.

    s~ = (s - mean(S)) / (std(S) + 1e-4)   over S, the scores of all steps of all members of the group
    A_i,t = sum of s~_i,k over the steps k of member i that end at token t or after it

Source: DeepSeekMath (arXiv 2402.03300, section 4.1.3). The mean is over steps, so a long member weighs more in it, and
each further step above the mean adds to the sum: more steps pay by themselves where scores are above the mean. With
true step labels as scores this is the credit called ``oracle``. A group whose steps all score alike gets 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, centred, per_token, require, to_go
from policy.credit.scale import Scale, deviation, step_scores


def process(members: Sequence[Member], scale: Scale) -> list[Array]:
    """Advantages [T] per member. Needs ``step_scores``."""
    require(members, "step_scores")
    scores = step_scores(members)
    normal = centred(scores) / (scale.steps or deviation(scores))
    parts = np.split(normal, np.cumsum([len(member.step_scores) for member in members])[:-1])
    return [per_token(to_go(part_S), member) for part_S, member in zip(parts, members, strict=True)]
