"""Differences between arms with their intervals: over seeds and problems together, and what many of them prove.

Two things make a figure of a comparison uncertain: another seed would have trained another model, and other problems
would have been easier or harder. Every seed of an arm answers the same problems, and seed s of every arm goes on from
the same cold start, so arms are compared pair by pair in both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Shapes: S seeds, P problems, R resamples.
RESAMPLES = 10_000
_AT_ONCE = 2_000_000  # numbers in memory


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval; ``p``: two-sided, of the hypothesis that the true mean is 0."""

    mean: float
    interval: tuple[float, float]
    p: float


def paired_bootstrap(a_SP: np.ndarray, b_SP: np.ndarray, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """How much better is arm a than arm b? Rows are seeds, columns problems, in the same order in both.

    Raises ValueError for shapes that differ, fewer than two problems, or a value that is not finite.
    """
    if a_SP.shape != b_SP.shape:
        raise ValueError(f"a pairs with b only if both have the same seeds and problems: {a_SP.shape}, {b_SP.shape}")
    return two_way_bootstrap(np.asarray(a_SP, dtype=np.float64) - b_SP, seed, resamples)


def two_way_bootstrap(values_SP: np.ndarray, seed: int, resamples: int = RESAMPLES) -> Estimate:
    """The mean of a table whose seeds and problems are both drawn anew (Owen 2007, *The pigeonhole bootstrap*).

    Such resampling alone is wrong in two ways: five seeds drawn from five vary too little, and what is neither the
    seed's nor the problem's is counted three times (the same paper, section 3). So the resampled means keep their shape
    and get the unbiased variance of the two-way random-effects table, (MS_seed + MS_problem - MS_rest) / SP, which is
    never taken below either of the two alone. As that variance is itself an estimate from few seeds, each resampled
    deviation is divided by sqrt(chi2_df / df), df after Satterthwaite 1946: the interval is then as much wider as
    Student's t is than the normal curve. The interval is the basic one, so it excludes 0 where ``p`` is below 0.05.

    One seed: problems only are drawn, and nothing is said about other seeds.
    """
    values_SP = np.asarray(values_SP, dtype=np.float64)
    if values_SP.ndim != 2 or values_SP.shape[0] < 1 or values_SP.shape[1] < 2:
        raise ValueError(f"a table of at least 1 seed and 2 problems is needed, got shape {values_SP.shape}")
    if not np.isfinite(values_SP).all():
        raise ValueError("a result that is not a finite number cannot be compared")
    mean = float(values_SP.mean())
    variance, freedom = _variance(values_SP - mean)
    if variance < 1e-24:  # every seed and problem alike
        return Estimate(mean, (mean, mean), 1.0 if abs(mean) < 1e-12 else 2 / (resamples + 1))
    rng = np.random.default_rng(seed)
    away_R = _resampled(values_SP - mean, rng, resamples)
    away_R *= math.sqrt(variance / float((away_R**2).mean()))
    away_R *= np.sqrt(freedom / rng.chisquare(freedom, resamples))
    low, high = np.quantile(away_R, (0.025, 0.975))
    tail = min(int((away_R >= mean).sum()), int((away_R <= mean).sum()))
    return Estimate(mean, (mean - float(high), mean - float(low)), min(1.0, 2 * (1 + tail) / (resamples + 1)))


def _variance(centred_SP: np.ndarray) -> tuple[float, float]:
    """Variance of the table's mean, and the degrees of freedom with which it is known."""
    seeds, problems = centred_SP.shape
    row_S, column_P = centred_SP.mean(axis=1), centred_SP.mean(axis=0)
    of_problem = seeds * float(column_P @ column_P) / (problems - 1)
    if seeds == 1:
        return of_problem / problems, float(problems - 1)
    of_seed = problems * float(row_S @ row_S) / (seeds - 1)
    rest_SP = centred_SP - row_S[:, None] - column_P[None, :]
    of_rest = float((rest_SP**2).sum()) / ((seeds - 1) * (problems - 1))
    total = of_seed + of_problem - of_rest
    doubt = of_seed**2 / (seeds - 1) + of_problem**2 / (problems - 1)
    if total >= max(of_seed, of_problem):
        doubt += of_rest**2 / ((seeds - 1) * (problems - 1))
    total = max(total, of_seed, of_problem)
    return total / (seeds * problems), total**2 / doubt if doubt > 0 else math.inf


def _resampled(centred_SP: np.ndarray, rng: np.random.Generator, resamples: int) -> np.ndarray:
    """Means over seeds and problems drawn with replacement, [R]."""
    seeds, problems = centred_SP.shape
    at_once = max(1, _AT_ONCE // problems)
    parts = []
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        weights_RS, weights_RP = _weights(rng, size, seeds), _weights(rng, size, problems)
        parts.append(((weights_RS @ centred_SP) * weights_RP).sum(axis=1))
    return np.concatenate(parts)


def _weights(rng: np.random.Generator, resamples: int, size: int) -> np.ndarray:
    """How often each of ``size`` things is drawn in as many draws, by ``size``: [R, size], rows sum to 1."""
    drawn = rng.integers(0, size, (resamples, size)) + size * np.arange(resamples)[:, None]
    return np.bincount(drawn.ravel(), minlength=resamples * size).reshape(resamples, size) / size


@dataclass(frozen=True, slots=True)
class Discordance:
    """Two final models on the same problems: how many only one of them solves, and the exact two-sided p."""

    only_a: int
    only_b: int
    p: float


def mcnemar_exact(a_P: Sequence[bool] | np.ndarray, b_P: Sequence[bool] | np.ndarray) -> Discordance:
    """McNemar 1947 in its exact form: of the problems that one model alone solves, is it half for each?

    It compares two models, not two ways of training: another seed gives other models. ValueError if lengths differ.
    """
    pairs = list(zip(a_P, b_P, strict=True))
    only_a = sum(bool(a) and not b for a, b in pairs)
    only_b = sum(bool(b) and not a for a, b in pairs)
    differ = only_a + only_b
    tail = sum(math.comb(differ, count) for count in range(min(only_a, only_b) + 1))
    return Discordance(only_a, only_b, min(1.0, 2 * tail / 2**differ))
