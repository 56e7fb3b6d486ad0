from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.curves import area_under, band, compute_to_reach

CURVE = [(0.0, 0.2), (10.0, 0.4), (30.0, 0.4), (40.0, 0.8)]


def test_area_by_hand():
    assert area_under(CURVE, 40) == pytest.approx((10 * 0.3 + 20 * 0.4 + 10 * 0.6) / 40)
    assert area_under(CURVE, 20) == pytest.approx((10 * 0.3 + 10 * 0.4) / 20)
    assert area_under(CURVE, 80) == pytest.approx((17 + 40 * 0.8) / 80), "level after the end"
    assert area_under([(5.0, 0.5)], 10) == 0.5
    step = [(0.0, 0.0), (10.0, 0.0), (10.0, 1.0), (20.0, 1.0)]
    assert area_under(step, 20) == pytest.approx(0.5)


curves = st.lists(st.tuples(st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=7, unique_by=lambda p: p[0])


@given(curves, st.integers(1, 60))
def test_area_is_a_fine_sum_of_numpys_interpolation(points, end):
    points.sort()
    middle = (np.arange(60_000) + 0.5) / 60_000 * end
    expected = np.interp(middle, [x for x, _ in points], [y for _, y in points]).mean()
    assert area_under(points, end) == pytest.approx(expected, abs=1e-4)


def test_compute_to_reach_by_hand():
    assert compute_to_reach(CURVE, 0.3) == pytest.approx(5)
    assert compute_to_reach(CURVE, 0.4) == pytest.approx(10)
    assert compute_to_reach(CURVE, 0.6) == pytest.approx(35)
    assert compute_to_reach(CURVE, 0.1) == 0
    assert compute_to_reach(CURVE, 0.81) is None
    assert compute_to_reach([(0, 0.2), (10, 0.6), (20, 0.1), (30, 0.9)], 0.5) == pytest.approx(7.5), "the first time"


@given(st.lists(curves, min_size=1, max_size=4))
def test_a_band_is_numpys_interpolation_of_every_seed(seeds):
    for points in seeds:
        points.sort()
    found = band(seeds, 13)
    heights = [np.interp(found.compute, [x for x, _ in points], [y for _, y in points]) for points in seeds]
    assert found.mean == pytest.approx(np.mean(heights, axis=0))
    assert found.low == pytest.approx(np.min(heights, axis=0))
    assert found.high == pytest.approx(np.max(heights, axis=0))


@pytest.mark.parametrize("broken", [[], [(0.0, np.nan)], [(1.0, 0.5), (0.0, 0.5)]])
def test_what_is_no_curve_is_refused(broken):
    with pytest.raises(ValueError, match="compute never falling"):
        area_under(broken, 1.0)
