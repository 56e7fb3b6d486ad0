"""Does a PRM find the first wrong step? ProcessBench's F1 (Zheng et al. 2024, arXiv 2412.06559, section 3).

A PRM says that the first step scored below a threshold is the first error, or -1 if none is. Its accuracy is taken on
the solutions that have an error (the place must be right) and on those that have none (it must say -1) apart; F1 is
their harmonic mean. As in ProcessBench the threshold is chosen once, for the best F1 on a subset that is not judged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from prm.judging.scored import ScoredSolution
from tasks.seeding import derive_seed

_RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class FirstErrorF1:
    """``erroneous`` and ``correct``: accuracy and number of solutions of the kind; ``interval``: 95 %, of F1."""

    f1: float
    interval: tuple[float, float]
    erroneous: tuple[float, int]
    correct: tuple[float, int]


def usable(scored: Sequence[ScoredSolution]) -> list[ScoredSolution]:
    """Those of which the first error is known: every step before it (without one: every step) has a label."""
    return [one for one in scored if None not in one.solution.labels[: _judged_until(one)]]


def first_below(scores: Sequence[float], threshold: float) -> int:
    """Index of the first score below the threshold, -1 if there is none."""
    return next((at for at, score in enumerate(scores) if score < threshold), -1)


def first_error_f1(scored: Sequence[ScoredSolution], threshold: float, seed: int = 0) -> FirstErrorF1:
    """F1 of solutions of both kinds; ValueError if one kind is missing, or a step that counts has no label.

    The interval resamples the solutions of each kind (Efron's percentile interval).
    """
    _check(scored)
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for one in scored:
        truth = one.solution.first_error
        hits[truth >= 0].append(first_below(one.scores, threshold) == truth)
    wrong, right = (sum(hits[kind]) / len(hits[kind]) for kind in (True, False))
    interval = _interval((wrong, len(hits[True])), (right, len(hits[False])), seed)
    return FirstErrorF1(harmonic(wrong, right), interval, (wrong, len(hits[True])), (right, len(hits[False])))


def best_threshold(scored: Sequence[ScoredSolution]) -> float:
    """The threshold with the best F1 on these solutions, half way between two scores; of equals the middle one.

    A solution with its first error at k is a hit for s_k < t <= min(s_0 .. s_k-1), one without an error for
    t <= min(s): so between two neighbouring scores F1 is constant, and all thresholds are tried by counting.
    """
    _check(scored)
    ends = sorted({score for one in scored for score in one.scores})
    between = [(low + high) / 2 if low < (low + high) / 2 else high for low, high in pairwise(ends)]
    candidates_T = np.array([ends[0], *between, math.nextafter(ends[-1], math.inf)])
    f1_T = _harmonic(_shares(candidates_T, scored, True), _shares(candidates_T, scored, False))
    best = np.flatnonzero(f1_T == f1_T.max())
    return float(candidates_T[best[len(best) // 2]])


def harmonic(a: float, b: float) -> float:
    """The harmonic mean of two shares; 0 if both are 0."""
    return float(_harmonic(np.array([a]), np.array([b]))[0])


def divided(
    scored: Sequence[ScoredSolution], share: float, seed: int
) -> tuple[list[ScoredSolution], list[ScoredSolution]]:
    """Solutions to choose a threshold on, about ``share`` of the problems, and the others. A problem is in one part."""
    parts: tuple[list[ScoredSolution], list[ScoredSolution]] = ([], [])
    for one in scored:
        place = derive_seed("threshold", seed, one.solution.prompt.strip()) / 2**63
        parts[place >= share].append(one)
    return parts


def kinds(scored: Sequence[ScoredSolution]) -> set[bool]:
    """{True, False} if there are solutions with an error and without one."""
    return {one.solution.first_error >= 0 for one in scored}


def _shares(thresholds_T: np.ndarray, scored: Sequence[ScoredSolution], has_error: bool) -> np.ndarray:
    """Accuracy on one kind of solution at each threshold, [T]."""
    spans = [_hit_span(one) for one in scored if (one.solution.first_error >= 0) is has_error]
    low = np.sort([low for low, high in spans if low < high])
    high = np.sort([high for low, high in spans if low < high])
    # Open spans: those begun below t, less those ended below t.
    return (np.searchsorted(low, thresholds_T, "left") - np.searchsorted(high, thresholds_T, "left")) / len(spans)


def _hit_span(one: ScoredSolution) -> tuple[float, float]:
    """The thresholds (low, high] at which the prediction is right."""
    truth = one.solution.first_error
    if truth < 0:
        return -math.inf, min(one.scores)
    return one.scores[truth], min(one.scores[:truth], default=math.inf)


def _interval(wrong: tuple[float, int], right: tuple[float, int], seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(derive_seed("first error", seed))
    drawn = [rng.binomial(count, share, _RESAMPLES) / count for share, count in (wrong, right)]
    low, high = np.quantile(_harmonic(*drawn), (0.025, 0.975))
    return float(low), float(high)


def _harmonic(a_R: np.ndarray, b_R: np.ndarray) -> np.ndarray:
    total_R = a_R + b_R
    return np.asarray(np.where(total_R > 0, 2 * a_R * b_R / np.where(total_R > 0, total_R, 1), 0.0))


def _judged_until(one: ScoredSolution) -> int:
    truth = one.solution.first_error
    return len(one.scores) if truth < 0 else truth


def _check(scored: Sequence[ScoredSolution]) -> None:
    if len(usable(scored)) != len(scored):
        raise ValueError("a step before the first error has no label; leave such solutions out (usable)")
    if kinds(scored) != {True, False}:
        raise ValueError("F1 needs solutions with an error and solutions without one")
