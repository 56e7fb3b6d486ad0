"""First errors as ProcessBench counts them: by hand, and every threshold by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm.judging.first_error import (
    best_threshold,
    divided,
    first_below,
    first_error_f1,
    harmonic,
    usable,
)
from prm.judging.scored import ScoredSolution
from tasks.readers.labelled import LabelledSolution, labels_until


def scored(scores, first_error, prompt="p"):
    labels = labels_until(len(scores), first_error)
    return ScoredSolution(LabelledSolution(prompt, tuple(map(str, range(len(scores)))), labels), tuple(scores))


def test_f1_by_hand():
    rows = [
        scored([0.9, -0.5, 0.9], 1),  # found
        scored([0.9, 0.9, -0.5], 1),  # found, but a step too late
        scored([-0.2, -0.9, 0.9], 1),  # a step too early
        scored([0.9, 0.9, 0.9], 2),  # not found
        scored([0.9, 0.8], -1),  # rightly nothing
        scored([0.9, -0.1], -1),  # wrongly something
    ]
    found = first_error_f1(rows, 0.0)
    assert found.erroneous == (0.25, 4)
    assert found.correct == (0.5, 2)
    assert found.f1 == pytest.approx(2 * 0.25 * 0.5 / 0.75)  # the harmonic mean, 1/3
    assert found.interval[0] <= found.f1 <= found.interval[1]


def test_a_score_at_the_threshold_is_no_error():
    assert first_below([0.5, 0.2], 0.5) == 1
    assert first_below([0.5, 0.5], 0.5) == -1


@pytest.mark.parametrize(("a", "b", "expected"), [(0, 0, 0), (1, 0, 0), (1, 1, 1), (0.5, 1, 2 / 3)])
def test_harmonic_mean(a, b, expected):
    assert harmonic(a, b) == pytest.approx(expected)


TENTHS = st.integers(-10, 10).map(lambda tenth: tenth / 10)  # few values, so that ties are tried


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.lists(TENTHS, min_size=1, max_size=4), st.integers(0, 3)), min_size=1, max_size=6),
    st.lists(st.lists(TENTHS, min_size=1, max_size=4), min_size=1, max_size=6),
)
def test_no_threshold_is_better_than_the_one_that_is_chosen(wrong, right):
    rows = [scored(scores, min(at, len(scores) - 1)) for scores, at in wrong] + [scored(each, -1) for each in right]

    def f1(threshold):  # worked out anew
        hits = {True: [], False: []}
        for one in rows:
            truth, below = one.solution.first_error, [s < threshold for s in one.scores]
            hits[truth >= 0].append((below.index(True) if any(below) else -1) == truth)
        wrong, right = np.mean(hits[True]), np.mean(hits[False])
        return 0 if wrong + right == 0 else 2 * wrong * right / (wrong + right)

    chosen = best_threshold(rows)
    assert f1(chosen) == pytest.approx(max(f1(t) for t in np.arange(-1.05, 1.2, 0.05)))
    assert first_error_f1(rows, chosen).f1 == pytest.approx(f1(chosen))


def test_of_equally_good_thresholds_the_middle_one_is_taken():
    rows = [scored([0.8, -0.8], 1), scored([0.4], -1), scored([0.6], -1)]
    assert best_threshold(rows) == pytest.approx(-0.2)  # between -0.8 and 0.4, the only ones with F1 = 1
    assert best_threshold([scored([1.0, math.nextafter(1.0, 0)], 1), scored([1.0], -1)]) == 1.0


def test_the_parts_share_no_problem_and_lose_none():
    rows = [scored([0.1], -1, f"problem {number % 40}") for number in range(120)]
    choosing, judged = divided(rows, 0.25, seed=3)
    prompts = [{one.solution.prompt for one in part} for part in (choosing, judged)]
    assert not prompts[0] & prompts[1]
    assert len(choosing) + len(judged) == 120
    assert 3 <= len(prompts[0]) <= 20
    assert divided(rows, 0.25, seed=4)[0] != choosing


def test_an_unknown_first_error_is_not_usable():
    unknown = ScoredSolution(LabelledSolution("p", ("a", "b"), (None, -1)), (0.0, 0.0))
    open_end = ScoredSolution(LabelledSolution("p", ("a", "b"), (1, None)), (0.0, 0.0))
    known = [scored([0.1, 0.2, 0.3], 1), scored([0.1], -1)]
    assert usable([unknown, *known, open_end]) == known
    with pytest.raises(ValueError, match="has no label"):
        first_error_f1([unknown, *known], 0.0)


def test_one_kind_alone_has_no_f1():
    for rows in ([scored([0.1], -1)], [scored([0.1], 0)]):
        with pytest.raises(ValueError, match="solutions with an error and solutions without one"):
            first_error_f1(rows, 0.0)
        with pytest.raises(ValueError, match="solutions with an error and solutions without one"):
            best_threshold(rows)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = 0
    for seed in range(100):
        rows = [scored([-0.5 if rng.random() < 0.7 else 0.5], 0) for _ in range(60)]
        rows += [scored([0.5 if rng.random() < 0.8 else -0.5], -1) for _ in range(60)]
        low, high = first_error_f1(rows, 0.0, seed).interval
        inside += low <= harmonic(0.7, 0.8) <= high
    assert 88 <= inside <= 99
