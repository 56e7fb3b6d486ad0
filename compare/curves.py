"""Accuracy against compute, arm by arm: area, compute to reach an accuracy, bands over seeds.

Between two evaluations a curve is taken as straight; before the first and after the last it is level, for the model
stays what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Curve = Sequence[tuple[float, float]]
"""Points (compute, accuracy), compute never falling."""


@dataclass(frozen=True, slots=True)
class Band:
    """Mean, lowest and highest of the seeds' accuracies at each place of ``compute``, all [G]."""

    compute: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def area_under(curve: Curve, end: float) -> float:
    """Mean accuracy on the way from no compute to ``end``: the area under the curve by ``end``, so a share itself."""
    compute, accuracy = _columns(curve)
    if not end > 0:
        raise ValueError(f"a curve has no area up to {end}")
    knots = np.unique(np.concatenate(([0.0, end], compute[(compute > 0) & (compute < end)])))
    # A step straight up has two values at one place: the area to its left needs the first, to its right the second.
    left = np.array([_at(compute, accuracy, place, from_left=False) for place in knots[:-1]])
    right = np.array([_at(compute, accuracy, place, from_left=True) for place in knots[1:]])
    return float((np.diff(knots) * (left + right) / 2).sum() / end)


def compute_to_reach(curve: Curve, accuracy: float) -> float | None:
    """The compute at which the curve first comes to an accuracy; None if it never does."""
    before: tuple[float, float] | None = None
    for place, height in zip(*_columns(curve), strict=True):
        if height >= accuracy:
            if before is None:
                return float(place)
            share = (accuracy - before[1]) / (height - before[1])
            return float(before[0] + share * (place - before[0]))
        before = (place, height)
    return None


def band(curves: Sequence[Curve], places: int = 60) -> Band:
    """Several seeds' curves as one: no interval, but the range of what happened."""
    columns = [_columns(curve) for curve in curves]
    ends = [compute[-1] for compute, _ in columns]
    grid = np.unique(np.concatenate([np.linspace(0.0, max(ends), places), *(compute for compute, _ in columns)]))
    heights = np.array([[_at(*each, place, from_left=False) for place in grid] for each in columns])
    return Band(grid, heights.mean(axis=0), heights.min(axis=0), heights.max(axis=0))


def _columns(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(curve, dtype=np.float64).reshape(-1, 2)
    if len(table) == 0 or not np.isfinite(table).all() or (np.diff(table[:, 0]) < 0).any():
        raise ValueError("a curve needs points (compute, accuracy) of finite numbers, compute never falling")
    return table[:, 0], table[:, 1]


def _at(compute: np.ndarray, accuracy: np.ndarray, place: float, *, from_left: bool) -> float:
    """Height at a place, where the curve steps straight up the one before or after the step."""
    index = int(np.searchsorted(compute, place, side="left" if from_left else "right"))
    if from_left and index < len(compute) and compute[index] == place:
        return float(accuracy[index])
    if index == 0:
        return float(accuracy[0])
    if index == len(compute) or compute[index - 1] == place:
        return float(accuracy[index - 1])
    share = (place - compute[index - 1]) / (compute[index] - compute[index - 1])
    return float((1 - share) * accuracy[index - 1] + share * accuracy[index])
