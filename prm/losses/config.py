"""Which loss a process model is trained with, as options. Free of torch, so that a program's help is quick."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.options import Option


class LossName(Option):
    """What a process model learns from labelled steps. docs/prm.md has the formulas."""

    SOFT_BCE = "soft_bce"  # cross-entropy with the probability that a label is: p = (1 + label) / 2
    MSE = "mse"  # squared distance to the label (rStar-Math's PQM)
    CROSS_ENTROPY = "cross_entropy"  # classes wrong and right, a head output each
    CROSS_ENTROPY_3 = "cross_entropy_3"  # classes wrong, neutral and right (PRM800K)
    Q_RANKING = "q_ranking"  # the steps of a solution ranked by Q, right above wrong by a margin (PQM, ICLR 2025)
    PAIRWISE = "pairwise"  # better above worse among the steps that follow the same prefix (rStar-Math's PPM)
    OUTCOME_BCE = "outcome_bce"  # outcome only: cross-entropy at the end of a solution
    OUTCOME_RANKING = "outcome_ranking"  # outcome only: right solutions above wrong ones (Bradley-Terry)
    IMPLICIT = "implicit"  # outcome only: the log-ratio of two policies (PRIME)
    GENERATIVE = "generative"  # a language model that writes a verification, then its verdict (GenRM, ThinkPRM)


@dataclass(frozen=True)
class LossSettings:
    """A loss and its numbers."""

    name: LossName
    zeta: float = 4.0  # q_ranking: margin between right and wrong steps
    beta: float = 0.05  # implicit: how much a log-ratio counts
    threshold: float | None = None  # two classes, outcomes: labels above it are right; none: labels must be 1 or -1
    min_margin: float = 0.5  # pairwise: smallest difference of two labels that makes a pair
    per_side: int = 2  # pairwise: steps on either side after one prefix
    only_agreeing: bool = True  # generative: leave out verifications that come to another verdict than the label

    def __post_init__(self) -> None:
        for name, rule, holds in (
            ("zeta", "a number of at least 0", 0 <= self.zeta < math.inf),
            ("beta", "a number above 0", 0 < self.beta < math.inf),
            ("threshold", "null or in [-1, 1)", self.threshold is None or -1 <= self.threshold < 1),
            ("min_margin", "above 0 and at most 2", 0 < self.min_margin <= 2),
            ("per_side", "at least 1", self.per_side >= 1),
        ):
            if not holds:
                raise UserError(f"{name} must be {rule}, got {getattr(self, name)}")
