"""Does a credit find the wrong steps? Advantages held against the oracle's labels, for reports only.

A reader is told three things: would credit rank a right step above a wrong one, does its sign say which is which, and
does it point at the step where a solution first went wrong (ProcessBench's question, arXiv 2412.06559).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np


def step_credit(advantages_T: np.ndarray, step_ends: Sequence[int]) -> np.ndarray:
    """Mean advantage of the tokens of each step; ``step_ends`` are cumulative token counts."""
    return np.array([advantages_T[start:end].mean() for start, end in pairwise((0, *step_ends))])


def fidelity(credits: Sequence[np.ndarray], labels: Sequence[Sequence[bool]]) -> dict[str, float]:
    """One group's figures; both have an entry per trajectory, with one credit and one label per step.

    ``ranking``: the chance that a right step has more credit than a wrong one (0.5: it knows nothing). ``sign``: the
    share of steps with the right sign, 0 counting half. ``first_error``: the share of trajectories with an error whose
    least credit lies on the first one, ties shared; ``first_error_chance``: what guessing among the steps would give.
    A figure that the group cannot give is left out.
    """
    pairs = list(zip(credits, labels, strict=True))
    flat = [(float(value), bool(label)) for each, marks in pairs for value, label in zip(each, marks, strict=True)]
    found = {}
    order = ranking([value for value, _ in flat], [label for _, label in flat])
    if order is not None:
        found["ranking"] = order
    if flat:
        found["sign"] = sum((np.sign(value) * (1 if label else -1) + 1) / 2 for value, label in flat) / len(flat)
    erring = [(np.asarray(each), list(marks).index(False)) for each, marks in pairs if not all(marks)]
    if erring:
        found["first_error"] = float(np.mean([_points_at(values, place) for values, place in erring]))
        found["first_error_chance"] = float(np.mean([1 / len(values) for values, _ in erring]))
    return {name: float(value) for name, value in found.items()}


def mean_fidelity(groups: Sequence[dict[str, float]]) -> dict[str, float]:
    """Each figure's mean over the groups that have it."""
    names = sorted({name for group in groups for name in group})
    return {name: float(np.mean([group[name] for group in groups if name in group])) for name in names}


def ranking(values: Sequence[float] | np.ndarray, is_right: Sequence[bool] | np.ndarray) -> float | None:
    """The chance that a right one's value is above a wrong one's, ties counting half; None without one of each.

    ValueError for values that do not fit.
    """
    if len(values) != len(is_right):
        raise ValueError(f"{len(values)} values do not fit {len(is_right)}")
    values_N, right_N = np.asarray(values, dtype=np.float64), np.asarray(is_right, dtype=bool)
    right, wrong = values_N[right_N], np.sort(values_N[~right_N])
    if not len(right) or not len(wrong):
        return None
    below, not_above = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return float((below + not_above).mean() / 2 / len(wrong))


def _points_at(values: np.ndarray, place: int) -> float:
    lowest = values == values.min()
    return float(lowest[place] / lowest.sum())
