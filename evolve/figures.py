"""What a round's trees show in numbers, for the reports: distributions of Q and PPM, calibration, critical steps.

All are plain lists, computed once while the trees are read for the selection, and the same for the same trees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mcts.criticality import CriticalStep, by_text, values
from mcts.search import verdict_value
from mcts.tree import SearchTree

# Shapes: N nodes of a tree, B bins over [-1, 1].
Q_BINS = 20
CALIBRATION_BINS = 10
MOST_CRITICAL = 10
RANKED = 500
"""Steps among which those of one text are counted."""


class Distributions:
    """Counts of steps by Q and by the process model's score, in ``Q_BINS`` bins of equal width over [-1, 1]."""

    def __init__(self) -> None:
        self._q_B = np.zeros(Q_BINS, dtype=np.int64)
        self._score_B = np.zeros(Q_BINS, dtype=np.int64)

    def add(self, tree: SearchTree) -> None:
        """Count the visited steps of a tree, and the scored ones."""
        self._q_B += _counts(values(tree)[1:])
        self._score_B += _counts(np.array(tree.score)[1:])

    def as_json(self) -> dict[str, Any]:
        return {"q": self._q_B.tolist(), "score": self._score_B.tolist()}


class Calibration:
    """The process model's score of a step against how the solutions found below it ended.

    A step counts if it was scored, does not end the path itself and has verified ends below it; its outcome is their
    mean value, 2 * reward - 1, each end once. Q would not do: the score may be a part of it.
    """

    def __init__(self) -> None:
        self._count_B = np.zeros(CALIBRATION_BINS, dtype=np.int64)
        self._score_B = np.zeros(CALIBRATION_BINS)
        self._outcome_B = np.zeros(CALIBRATION_BINS)

    def add(self, tree: SearchTree) -> None:
        """Take in a tree that the process model was not trained on."""
        scores_N, outcomes_N = np.array(tree.score), outcomes_below(tree)
        known = ~np.isnan(scores_N) & ~np.isnan(outcomes_N)
        known[list(tree.verdicts)] = False
        bins = np.clip(((scores_N[known] + 1) / 2 * CALIBRATION_BINS).astype(int), 0, CALIBRATION_BINS - 1)
        self._count_B += np.bincount(bins, minlength=CALIBRATION_BINS)
        self._score_B += np.bincount(bins, weights=scores_N[known], minlength=CALIBRATION_BINS)
        self._outcome_B += np.bincount(bins, weights=outcomes_N[known], minlength=CALIBRATION_BINS)

    def as_json(self) -> dict[str, Any]:
        """``bins``: [steps, mean score, mean outcome] of each that has steps; ``error``: the mean gap between the two
        over steps (the expected calibration error of Guo et al. 2017), None without steps.
        """
        full = self._count_B > 0
        counts, total = self._count_B[full], int(self._count_B.sum())
        scores, outcomes = self._score_B[full] / counts, self._outcome_B[full] / counts
        rows = zip(counts.tolist(), scores.tolist(), outcomes.tolist(), strict=True)
        error = round(float((counts * np.abs(scores - outcomes)).sum() / total), 6) if total else None
        return {"bins": [[n, round(score, 6), round(outcome, 6)] for n, score, outcome in rows], "error": error}


def outcomes_below(tree: SearchTree) -> np.ndarray:
    """Mean value in [-1, 1] of the verified ends at or below each node, each once, [N]; NaN where there are none."""
    sums, counts = [0.0] * len(tree), [0] * len(tree)
    for node, verdict in tree.verdicts.items():
        sums[node], counts[node] = verdict_value(verdict), 1
    for node in range(len(tree) - 1, 0, -1):  # children come after their parents
        sums[tree.parent[node]] += sums[node]
        counts[tree.parent[node]] += counts[node]
    return np.array([total / count if count else np.nan for total, count in zip(sums, counts, strict=True)])


def critical_rows(
    steps: Sequence[CriticalStep],
    tree_numbers: Sequence[int],
    label_of: Callable[[CriticalStep], bool | None] = lambda step: None,
) -> list[dict[str, Any]]:
    """The ``MOST_CRITICAL`` first of the steps as JSON, a row for all of one text that move Q the same way.

    ``tree_numbers``: which of its problem's trees each of the trees looked at was; ``label_of``: is a step right?
    """
    groups = by_text(steps)[:MOST_CRITICAL]
    return [
        {
            "problem_id": step.problem_id,
            "tree": tree_numbers[step.tree],
            "node": step.node,
            "depth": step.depth,
            "text": step.text,
            "delta": round(step.delta, 6),
            "q": round(step.value, 6),
            "spread": None if np.isnan(step.spread) else round(step.spread, 6),
            "visits": step.visits,
            "alike": len(group),
            "is_right": label_of(step),
        }
        for group in groups
        for step in group[:1]
    ]


def _counts(found: np.ndarray) -> np.ndarray:
    return np.histogram(found[~np.isnan(found)], bins=Q_BINS, range=(-1.0, 1.0))[0]
