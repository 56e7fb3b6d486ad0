"""Do scores mean what they say? Expected calibration error and the points of a reliability plot.

Source: Guo et al. 2017, *On Calibration of Modern Neural Networks*, section 2, with the probability p = (1 + score) / 2
that a step is right in place of a class's confidence, and the label's probability in place of a hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prm.judging.scored import ScoredSolution, probability


@dataclass(frozen=True, slots=True)
class Bin:
    """Steps whose predicted probability lies in [low, high): mean predicted and mean observed one."""

    low: float
    high: float
    steps: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """``ece`` = sum over bins of (steps in it / all) |observed - predicted|; ``brier`` = mean (p - y)^2."""

    ece: float
    brier: float
    steps: int
    bins: tuple[Bin, ...]


def calibration(scored: Sequence[ScoredSolution], bins: int = 10) -> Calibration:
    """Of the judged steps, in bins of equal width; empty bins are left out, and 1 lies in the last one.

    ValueError for scores outside [-1, 1] and without a judged step.
    """
    rows_S2 = judged_rows(scored)
    if not len(rows_S2):
        raise ValueError("there is no judged step")
    found = _bins(rows_S2, bins)
    predicted_S, observed_S = rows_S2.T
    return Calibration(_ece(found), float(((predicted_S - observed_S) ** 2).mean()), len(rows_S2), tuple(found))


def judged_rows(scored: Sequence[ScoredSolution]) -> np.ndarray:
    """[S, 2]: of each judged step the predicted and the observed probability. ValueError as ``calibration``."""
    rows = [(probability(score), probability(label)) for one in scored for score, label in one.judged]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def calibration_error(rows_S2: np.ndarray, bins: int) -> float:
    """The ECE alone, of ``judged_rows``."""
    return _ece(_bins(rows_S2, bins))


def _bins(rows_S2: np.ndarray, bins: int) -> list[Bin]:
    predicted_S, observed_S = rows_S2.T
    place_S = np.minimum((predicted_S * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        inside = place_S == number
        if inside.any():
            means = float(predicted_S[inside].mean()), float(observed_S[inside].mean())
            found.append(Bin(number / bins, (number + 1) / bins, int(inside.sum()), *means))
    return found


def _ece(bins: Sequence[Bin]) -> float:
    return sum(each.steps * abs(each.observed - each.predicted) for each in bins) / sum(each.steps for each in bins)
