"""Credit fidelity: scores held against the value of each prefix, found by K continuations or told by an oracle.

A value v is the chance that a continuation of the prefix ends right; the data says 2 v - 1. The estimate from K
continuations has the variance v (1 - v) / K, which is nobody's error but the measurement's: it is told, and taken off
what the PRM is charged with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prm.judging.order import rank_correlation
from prm.judging.scored import ScoredSolution, probability


@dataclass(frozen=True, slots=True)
class ValueFidelity:
    """All in units of probability. ``error`` = predicted - measured.

    ``bias``: mean error; ``variance``: of the error, without ``noise``, never below 0; ``noise``: mean variance of the
    measured values (0: exact ones); ``rank``: Spearman over all steps; ``rank_within``: its mean over solutions with
    different values, which a PRM that only knows hard problems from easy ones does not get.
    """

    steps: int
    bias: float
    variance: float
    noise: float
    rank: float | None
    rank_within: float | None


def value_fidelity(scored: Sequence[ScoredSolution], continuations: int | None) -> ValueFidelity:
    """Of the judged steps. ``continuations``: K of every value, at least 2; None for exact values.

    The variance of a value measured as v with K continuations is estimated without bias by v (1 - v) / (K - 1).
    ValueError without a judged step, for scores outside [-1, 1] or K below 2.
    """
    if continuations is not None and continuations < 2:
        raise ValueError(f"values need at least 2 continuations, got {continuations}")
    by_solution = [np.array([(probability(s), probability(v)) for s, v in one.judged]) for one in scored if one.judged]
    if not by_solution:
        raise ValueError("there is no judged step")
    rows_S2 = np.concatenate(by_solution)
    predicted_S, measured_S = rows_S2.T
    variance, noise = beyond_noise(rows_S2, continuations)
    within = [rank_correlation(*rows.T) for rows in by_solution if len(set(rows[:, 1])) > 1]
    known = [each if each is not None else 0.0 for each in within]  # constant scores know nothing of the order
    return ValueFidelity(
        steps=len(rows_S2),
        bias=float((predicted_S - measured_S).mean()),
        variance=variance,
        noise=noise,
        rank=rank_correlation(predicted_S, measured_S),
        rank_within=float(np.mean(known)) if known else None,
    )


def beyond_noise(rows_S2: np.ndarray, continuations: int | None) -> tuple[float, float]:
    """``variance`` and ``noise`` of predicted and measured probabilities, [S, 2]."""
    predicted_S, measured_S = rows_S2.T
    noise = float((measured_S * (1 - measured_S)).mean() / (continuations - 1)) if continuations else 0.0
    return max(0.0, float((predicted_S - measured_S).var()) - noise), noise
