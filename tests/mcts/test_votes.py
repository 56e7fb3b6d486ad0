"""One answer from many solutions, against plain NumPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcts.votes import Aggregation, aggregate, vote

SCORES = st.lists(st.floats(-1, 1), min_size=1, max_size=8)


@given(SCORES)
def test_aggregations_are_those_of_the_literature(scores):
    p = (1 + np.array(scores)) / 2
    weights = np.exp(-np.array(scores) / 0.1)
    soft_min = (1 + (weights * scores).sum() / weights.sum()) / 2
    expected = {"last": p[-1], "min": p.min(), "product": p.prod(), "mean": p.mean(), "soft_min": soft_min}
    for how in Aggregation:
        assert aggregate(scores, how) == pytest.approx(expected[how.value], abs=1e-12)
        assert 0 <= aggregate(scores, how) <= 1


def test_a_score_counts_as_the_logistic_of_twice_the_ppms_output():
    x = np.linspace(-3, 3, 13)
    got = [aggregate([score], Aggregation.LAST) for score in np.tanh(x)]
    assert got == pytest.approx(list(1 / (1 + np.exp(-2 * x))), abs=1e-12)


def test_numbers_are_counted_and_not_their_spellings():
    assert vote(["#### 7", "#### 1,000", "#### 1000"]) == "#### 1,000"


def test_the_first_answer_wins_a_tie_and_what_cannot_be_read_has_no_vote():
    assert vote(["x\n#### 3", "y\n#### 4", "z\n#### 4"]) == "y\n#### 4"
    assert vote(["x\n#### 3", "y\n#### 4"]) == "x\n#### 3"
    assert vote(["no answer", "none", "x\n#### 3"]) == "x\n#### 3"
    assert vote(["no answer"]) is None
    assert vote([]) is None


def test_answers_that_are_no_numbers_are_compared_as_text():
    assert vote(["#### red", "#### blue", "#### blue"]) == "#### blue"
    assert vote(["#### dog", "#### tea", "#### god", "#### tea"]) == "#### tea"
    assert vote(["#### dog", "#### god", "#### tea", "#### tea"]) == "#### tea"


def test_weights_add_up_by_answer():
    solutions = ["#### 1", "#### 2", "#### 2.0", "#### 3"]
    assert vote(solutions, [0.5, 0.3, 0.3, 0.55]) == "#### 2"
    assert vote(solutions, [0.7, 0.3, 0.3, 0.55]) == "#### 1"
    assert vote(solutions, [0.0, 0.0, 0.0, 0.0]) == "#### 1"
    with pytest.raises(ValueError, match="shorter"):
        vote(solutions, [1.0])


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 10)), min_size=1, max_size=12))
def test_a_weighted_vote_is_a_sum_over_solutions(votes):
    totals = np.zeros(5)
    np.add.at(totals, [answer for answer, _ in votes], [weight for _, weight in votes])
    chosen = vote([f"#### {answer}" for answer, _ in votes], [float(weight) for _, weight in votes])
    assert totals[int(chosen.removeprefix("#### "))] == totals[[answer for answer, _ in votes]].max()
