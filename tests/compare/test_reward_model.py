"""Pairs of whole solutions for a Bradley-Terry model: by hand."""

from __future__ import annotations

from compare.arms.reward_model import problem_pairs
from lm.rows import TextRow
from mcts.step import Step
from mcts.trajectory import Trajectory
from policy.rl import Group
from tasks.problem import Outcome, Problem, Verdict


def solved(*ends: tuple[int, Outcome]) -> tuple[Group, list[TextRow]]:
    """A group of solutions of one token each, and their rows behind the prompt (1, 2)."""
    ones = tuple(
        Trajectory("p", (1,), (Step(str(token), (token,), (-1.0,), True),), (0.0,), Verdict(outcome, 0.0))
        for token, outcome in ends
    )
    return Group(Problem("p", "?", "7"), ones), [TextRow("p", (1, 2), one.token_ids) for one in ones]


def test_each_correct_solution_meets_each_wrong_one_and_equal_ones_count_once():
    right, wrong, unread = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE
    found = problem_pairs(*solved((7, right), (5, wrong), (7, right), (8, right), (9, unread), (5, wrong)))
    assert found is not None
    assert found.rows == ((1, 2, 7), (1, 2, 5), (1, 2, 8), (1, 2, 9))
    assert set(found.pairs) == {(0, 1), (0, 3), (2, 1), (2, 3)}


def test_a_problem_without_both_sides_makes_no_pair():
    assert problem_pairs(*solved((7, Outcome.CORRECT), (8, Outcome.CORRECT))) is None
    assert problem_pairs(*solved((7, Outcome.WRONG))) is None
