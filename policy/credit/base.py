"""What a credit method sees and gives, and the sums that several methods share. No torch.

Shape legend: G members of a group, S steps of one member, T its tokens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Member:
    """One trajectory of a group as a credit method sees it.

    ``step_ends`` are cumulative token counts: step i covers the tokens step_ends[i-1] up to step_ends[i], and the last
    one is T. What a method needs beside the reward it names itself; ValueError for what does not fit together.
    """

    reward: float  # outcome reward: the verifier's, in [0, 1], or a reward model's
    step_ends: tuple[int, ...]
    step_scores: tuple[float, ...] = ()  # one value per step in [-1, 1]: PPM, Monte-Carlo, tree Q or oracle
    token_scores: tuple[float, ...] = ()  # one per token: implicit PRM rewards, or a critic's values
    path: tuple[int, ...] = ()  # node ids from the root to the leaf, when the group is one search tree

    def __post_init__(self) -> None:
        if not math.isfinite(self.reward):
            raise ValueError(f"a reward is a finite number, got {self.reward}")
        if not self.step_ends or any(end <= start for start, end in pairwise((0, *self.step_ends))):
            raise ValueError(f"step_ends must rise from above 0, got {self.step_ends}")
        for name, values, count in (
            ("step_scores", self.step_scores, len(self.step_ends)),
            ("token_scores", self.token_scores, self.tokens),
            ("path", self.path, len(self.step_ends) + 1),
        ):
            if values and len(values) != count:
                raise ValueError(f"{name} must hold {count} values, got {len(values)}")
            if not all(map(math.isfinite, values)):
                raise ValueError(f"{name} must be finite, got {values}")

    @property
    def tokens(self) -> int:
        """T: tokens of the trajectory."""
        return self.step_ends[-1]


CreditAssigner = Callable[[Sequence[Member]], list[Array]]
"""One group in, one array [T] of advantages per member out."""


def require(members: Sequence[Member], name: str) -> None:
    """ValueError unless every member has ``name`` (``step_scores``, ``token_scores`` or ``path``)."""
    for index, member in enumerate(members):
        if not getattr(member, name):
            raise ValueError(f"this credit needs {name}, and member {index} of the group has none")


def rewards(members: Sequence[Member]) -> Array:
    """Outcome rewards [G]."""
    return np.array([member.reward for member in members], dtype=np.float64)


def per_token(values_S: Sequence[float] | Array, member: Member) -> Array:
    """Each step's value at each of its tokens, [T]."""
    return np.repeat(np.asarray(values_S, dtype=np.float64), np.diff((0, *member.step_ends)))


def centred(values: Array) -> Array:
    """Values minus their mean; exactly 0 when all are equal, whatever rounding makes of the mean."""
    return np.zeros_like(values) if values.max() == values.min() else values - values.mean()


def leave_one_out(values_G: Array) -> Array:
    """Each value minus the mean of the others (RLOO, arXiv 2402.14740); 0 for a group of one."""
    return centred(values_G) * (len(values_G) / max(1, len(values_G) - 1))


def to_go(values: Array, discount: float = 1.0) -> Array:
    """Sum of each entry and all after it, each place further off discounted once more."""
    result, total = np.empty_like(values), 0.0
    for index in range(len(values) - 1, -1, -1):
        total = values[index] + discount * total
        result[index] = total
    return result
