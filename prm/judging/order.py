"""Does a PRM put steps in the right order? Siblings pair by pair, right steps above first errors, ranks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prm.judging.fidelity import ranking
from prm.judging.scored import ScoredSolution


@dataclass(frozen=True, slots=True)
class SiblingPair:
    """Scores of two steps after the same steps, of which one has the higher label; ``depth`` counts from 1."""

    better: float
    worse: float
    depth: int


def sibling_pairs(scored: Sequence[ScoredSolution], margin: float = 0.0) -> list[SiblingPair]:
    """Every pair of different steps behind the same prompt and steps whose labels differ by more than ``margin``.

    A step that stands in several solutions counts once, with the label it has first.
    """
    siblings: dict[tuple[str, tuple[str, ...]], dict[str, tuple[float, float]]] = defaultdict(dict)
    for one in scored:
        for at, (text, label) in enumerate(zip(one.solution.steps, one.solution.labels, strict=True)):
            if label is not None:
                before = (one.solution.prompt, one.solution.steps[:at])
                siblings[before].setdefault(text, (label, one.scores[at]))
    return [
        SiblingPair(better, worse, len(steps) + 1)
        for (_, steps), found in siblings.items()
        for high, better in found.values()
        for low, worse in found.values()
        if high - low > margin
    ]


def pair_share(pairs: Sequence[SiblingPair]) -> float | None:
    """Share of the pairs with the better step scored higher; a tie is none (as in ``prm.accuracy``). None: no pairs."""
    return sum(pair.better > pair.worse for pair in pairs) / len(pairs) if pairs else None


def until_error(scored: Sequence[ScoredSolution]) -> np.ndarray:
    """[S, 2]: score and 1 (right) or 0 (the first error) of the labelled steps up to the first error.

    What comes later builds on something wrong, and data sets differ in what they call it. A label of 0 (neither right
    nor wrong) is no error.
    """
    rows = []
    for one in scored:
        truth = one.solution.first_error
        end = len(one.scores) if truth < 0 else truth + 1
        for score, label in zip(one.scores[:end], one.solution.labels[:end], strict=True):
            if label is not None:
                rows.append((score, float(label >= 0)))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def first_error_auc(rows_S2: np.ndarray) -> float | None:
    """The chance that a right step is scored above the step of a first error, ties half (of ``until_error``)."""
    return ranking(rows_S2[:, 0], rows_S2[:, 1] > 0)


def rank_correlation(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Spearman's: Pearson's correlation of the ranks, equal values sharing theirs. None if either is constant."""
    ranks_a, ranks_b = (_ranks(np.asarray(values, dtype=np.float64)) for values in (a, b))
    if len(ranks_a) != len(ranks_b):
        raise ValueError(f"{len(ranks_a)} values do not fit {len(ranks_b)}")
    if len(ranks_a) < 2 or not np.ptp(ranks_a) or not np.ptp(ranks_b):
        return None
    return float(np.corrcoef(ranks_a, ranks_b)[0, 1])


def _ranks(values_N: np.ndarray) -> np.ndarray:
    _, group_N, counts_G = np.unique(values_N, return_inverse=True, return_counts=True)
    last_G = np.cumsum(counts_G)
    return np.asarray((last_G - (counts_G - 1) / 2)[group_N])
