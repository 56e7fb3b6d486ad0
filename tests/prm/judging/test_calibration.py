"""Calibration by hand and against the definition in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from prm.judging.calibration import calibration, calibration_error, judged_rows
from prm.judging.scored import ScoredSolution
from tasks.readers.labelled import LabelledSolution


def scored(scores, labels):
    return ScoredSolution(LabelledSolution("p", tuple(map(str, range(len(scores)))), tuple(labels)), tuple(scores))


def test_by_hand():
    # p: 0.9, 0.9, 0.9, 0.9 of which 3 right; 0.2 wrong; 1.0 right; a step without a label does not count.
    found = calibration([scored([0.8, 0.8, 0.8, 0.8, -0.6], [1, 1, 1, -1, -1]), scored([1.0, 0.3], [1, None])], bins=5)
    assert found.steps == 6
    assert [(each.low, each.steps) for each in found.bins] == [(0.2, 1), (0.8, 5)]
    assert found.bins[1].predicted == pytest.approx((4 * 0.9 + 1) / 5)
    assert found.bins[1].observed == pytest.approx(4 / 5)
    assert found.ece == pytest.approx(1 / 6 * 0.2 + 5 / 6 * abs(0.8 - 0.92))
    assert found.brier == pytest.approx((3 * 0.01 + 0.81 + 0.04 + 0) / 6)


def test_against_the_definition():
    rng = np.random.default_rng(1)
    scores, labels = rng.uniform(-1, 1, 500), rng.choice([-1.0, 0.0, 1.0, 0.4], 500)
    p, y = (1 + scores) / 2, (1 + labels) / 2
    expected = 0.0
    for low in np.arange(10) / 10:
        inside = (p >= low) & (p < low + 0.1)
        if inside.any():
            expected += inside.mean() * abs(p[inside].mean() - y[inside].mean())
    rows = [scored(scores.tolist(), labels.tolist())]
    assert calibration(rows).ece == pytest.approx(expected)
    assert calibration_error(judged_rows(rows), 10) == pytest.approx(expected)


def test_what_is_no_probability_is_refused():
    with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
        calibration([scored([3.5], [1])])
    with pytest.raises(ValueError, match="no judged step"):
        calibration([scored([0.5], [None])])
