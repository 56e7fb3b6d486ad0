from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evolve.statistics import quarantine, summarise, wilson
from tasks.problem import Problem

Z = 1.959964


@given(trials=st.integers(1, 3000), share=st.floats(0, 1))
def test_the_interval_holds_the_shares_that_a_score_test_does_not_reject(trials, share):
    """Wilson's limits are the roots of (p - share)^2 = z^2 p (1 - p) / n: found here as a polynomial's."""
    successes = share * trials
    roots = np.roots([1 + Z**2 / trials, -(2 * share + Z**2 / trials), share**2])
    low, high = wilson(successes, trials)
    assert low == pytest.approx(max(0.0, min(roots.real)), abs=2e-4)
    assert high == pytest.approx(min(1.0, max(roots.real)), abs=2e-4)
    assert 0 <= low <= share + 1e-4
    assert share - 1e-4 <= high <= 1


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        # Newcombe 1998 (Statistics in Medicine 17:857), table I, score method without continuity correction.
        (81, 263, [0.2553, 0.3662]),
        (15, 148, [0.0624, 0.1605]),
        (0, 20, [0.0, 0.1611]),
        (1, 29, [0.0061, 0.1718]),
    ],
)
def test_published_intervals(successes, trials, interval):
    assert wilson(successes, trials) == interval


def test_a_certain_result_has_an_interval_that_touches_it():
    assert wilson(20, 20) == [pytest.approx(1 - 0.1611, abs=1e-4), 1.0]
    assert math.isclose(sum(wilson(10, 20)), 1.0, abs_tol=1e-4)


def _record(greedy, sampled, majority, search):
    return {"greedy": greedy, "sampled": sampled, "majority": majority, "search": search}


def test_summarise_takes_means_over_problems():
    records = [_record(True, 0.5, True, False), _record(False, 0.25, True, False), _record(False, 0.0, False, True)]
    summary = summarise(records)
    assert summary["problems"] == 3
    assert (summary["greedy"], summary["sampled"], summary["majority"], summary["search"]) == (
        0.333333,
        0.25,
        0.666667,
        0.333333,
    )
    assert summary["greedy_interval"] == wilson(1, 3)
    assert summary["sampled_interval"] == wilson(0.75, 3)


def test_what_was_not_searched_has_no_accuracy():
    summary = summarise([_record(True, 1.0, True, None)] * 2)
    assert summary["search"] is None
    assert summary["search_interval"] is None
    assert summary["greedy"] == 1.0


def test_outcomes_are_counted_apart_by_method():
    one = _record(True, 0.5, False, None) | {
        "outcomes": {"greedy": {"correct": 1}, "sampled": {"error": 1, "correct": 1}, "majority": {"unverifiable": 1}}
    }
    other = _record(False, 0.0, False, None) | {
        "outcomes": {
            "greedy": {"error": 1},
            "sampled": {"wrong": 1, "unverifiable": 1},
            "majority": {"unverifiable": 1},
        }
    }
    assert summarise([one, other])["outcomes"] == {
        "greedy": {"correct": 1, "error": 1},
        "sampled": {"correct": 1, "wrong": 1, "unverifiable": 1, "error": 1},
        "majority": {"unverifiable": 2},
    }


def _problems(level, count):
    return [Problem(f"p/{level}/{index}", f"prompt {index}\n", str(index), {"level": level}) for index in range(count)]


def test_quarantine_finds_the_one_wrong_answer_among_solved_neighbours():
    easy, hard = _problems(1, 20), _problems(7, 10)
    injected = easy[13]
    solved = {problem.id for problem in easy if problem is not injected} | {hard[0].id, hard[1].id}
    assert quarantine([*hard, *easy], solved, 0.9) == [
        {"id": injected.id, "level": 1, "prompt": injected.prompt, "answer": "13", "level_solved": 0.95}
    ]


def test_quarantine_waits_until_enough_neighbours_are_solved():
    problems = _problems(1, 10)
    solved = {problem.id for problem in problems[:9]}
    assert [suspect["id"] for suspect in quarantine(problems, solved, 0.9)] == [problems[9].id]
    assert quarantine(problems, solved, 0.91) == []
    assert quarantine(problems, {problem.id for problem in problems}, 0.9) == []


def test_problems_without_a_level_are_one_level():
    problems = [Problem(str(index), "?", "1") for index in range(10)]
    solved = {str(index) for index in range(9)}
    assert [suspect["id"] for suspect in quarantine(problems, solved, 0.9)] == ["9"]
