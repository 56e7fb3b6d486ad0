"""Shifts and flips by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mcts.step import Step
from mcts.trajectory import Trajectory
from prm.judging.scored import ScoredSolution
from prm.probing.measures import Probed, alarmed, flipped, fooled, is_kept, solution_row, step_shifts, truth_of
from prm.probing.perturbations import PERTURBATIONS
from prm.probing.tempting import right_and_tempting
from tasks.config import StepFormat
from tasks.problem import Outcome, Verdict
from tasks.readers.labelled import LabelledSolution
from tasks.suites.chain_oracle import ChainOracle
from tasks.suites.wordmath_oracle import WordmathOracle
from tasks.suites.wordmath_style import Style


def scored(scores, labels, **meta):
    steps = tuple("abcdef"[: len(scores)])
    return ScoredSolution(LabelledSolution("p", steps, tuple(labels), meta=meta), tuple(scores))


def test_a_merged_step_is_held_against_its_lowest_score_and_padding_against_nothing():
    one = Probed(scored((0.5, -0.2, 0.4), (1, -1, 1)), (0.1, 0.9, -0.3), ((0, 1), (), (2,)), False)
    np.testing.assert_allclose(step_shifts(one, 0.0), [[0.3, 1], [-0.7, 1]])
    np.testing.assert_allclose(solution_row(one, 0.0, min), [[-0.1, 1, 1, 0]])


def test_shares_by_hand():
    """Columns: shift, found wrong before, found wrong now, right."""
    rows = np.array([[0, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 0, 1], [0, 1, 0, np.nan]], float)
    assert fooled(rows) == 0.5
    assert alarmed(rows) == 0.5
    assert flipped(rows) == pytest.approx(4 / 6)
    assert fooled(rows[3:]) is None
    assert alarmed(rows[:3]) is None


def test_the_oracle_of_a_task_says_whether_its_truth_is_kept():
    """Chains ask for an exact form, and let nothing stand between; word problems take sums in either order."""
    chain = LabelledSolution("7 +5 *3 mod 10\n", ("7+5=2\n", "2*3=5\n", "#### 5"), (1.0, -1.0, 1.0), "6")
    story = "Tom has 12 pens. Tom gets 5 more. How many pens does Tom have?\n"
    worded = LabelledSolution(story, ("Tom gets 5 more: 12+5=17\n", "#### 17"), (1.0, 1.0), "17")
    for oracle, one, name, kept in (
        (ChainOracle(), chain, "swapped", False),
        (ChainOracle(), chain, "empty", False),
        (ChainOracle(), replace(chain, prompt="?"), "swapped", None),
        (ChainOracle(), replace(chain, steps=("7+5=3\n", "4*3=2\n", "#### 5")), "swapped", None),  # all wrong before
        (WordmathOracle(StepFormat.TEXT, Style.WORDED), worded, "swapped", True),
        (WordmathOracle(StepFormat.TEXT, Style.WORDED), worded, "prefaced", True),
        (WordmathOracle(StepFormat.TEXT, Style.WORDED), worded, "spacing", False),
    ):
        assert is_kept(oracle, one, PERTURBATIONS[name](one)) is kept, name


def test_who_is_right():
    assert truth_of(scored((0, 0), (1, -1)), False) is False
    assert truth_of(scored((0, 0), (1, 1)), False) is True
    assert truth_of(scored((0, 0), (1, None)), False) is None
    assert truth_of(scored((0, 0), (-0.5, 0.3), reward=1.0), True) is True
    assert truth_of(scored((0, 0), (-0.5, 0.3)), True) is None


def test_tempting_are_wrong_ones_scored_as_high_as_the_worst_right_one():
    def one(number, outcome):
        return Trajectory("p", (1,), (Step("x", (number,), is_final=True),), (0.0,), Verdict(outcome, 0.0))

    kinds = [Outcome.CORRECT, Outcome.CORRECT, Outcome.WRONG, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.ERROR]
    all_of_them = [one(number, kind) for number, kind in enumerate(kinds)]
    thought = {(number,): score for number, score in enumerate((0.9, 0.4, 0.4, 0.3, 0.8, 1.0))}
    right, tempting = right_and_tempting([*all_of_them, all_of_them[2]], thought)
    assert (set(right), set(tempting)) == ({(0,), (1,)}, {(2,), (4,)})
    assert set(right_and_tempting(all_of_them[2:], thought)[1]) == set()
    assert set(right_and_tempting(all_of_them[2:], thought, 0.35)[1]) == {(2,), (4,)}
