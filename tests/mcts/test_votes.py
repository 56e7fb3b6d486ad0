"""One answer from many solutions, against plain NumPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcts.votes import Aggregation, aggregate, vote
from tasks.answers import AnswerType, AnswerVerifier, votes_of
from tasks.graders.verifier import GraderVerifier
from tasks.problem import Problem
from tasks.suites.code_format import STEP_END, CodeVerifier, final_line

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


def test_a_task_says_which_of_its_answers_are_equal():
    problem = Problem("p", "what?", "")
    spelled = [f"x\n#### {answer}" for answer in ("(3, 2)", "2, 3", "(2,3)", "3,2 ", "2, 3")]
    for kind, winner in ((AnswerType.LIST, 1), (AnswerType.SET, 0)):
        assert vote(spelled, key=votes_of(AnswerVerifier(kind), problem)) == spelled[winner]
    per_cent = [
        f"#### {answer}" for answer in ("1/4", "25", "0.25", "25%", r"25\%", "about 25", "about 25", "about 25")
    ]
    assert vote(per_cent, key=votes_of(AnswerVerifier(AnswerType.PERCENTAGE), problem)) == "#### 25"
    assert vote(per_cent, key=votes_of(AnswerVerifier(AnswerType.NUMBER), problem)) == "#### 1/4"
    assert vote(per_cent) == "#### about 25"
    assert vote(per_cent, key=votes_of(GraderVerifier(None), problem)) == "#### about 25"


def test_a_vote_on_code_counts_the_final_step_alone():
    printed = f"print('\\\\boxed{{7}}')\n{STEP_END}"
    solutions = [printed, printed, printed + final_line("3"), printed, printed + final_line("3.0")]
    code = CodeVerifier(AnswerVerifier())
    assert vote(solutions, key=votes_of(code, Problem("p", "what?", ""))) == solutions[2]
    assert vote([printed], key=votes_of(code, Problem("p", "what?", ""))) is None


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
