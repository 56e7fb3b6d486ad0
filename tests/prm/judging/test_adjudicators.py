"""Areas by hand and by counting pairs; what counts as a step, and once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm.judging.adjudicators import (
    SIGNALS,
    Adjudicated,
    area,
    around_error,
    favoured_end,
    first_error_rows,
    gain,
    looks_right_rows,
    mean_of_steps,
    reference_rows,
    signals,
    solved_share,
)
from tasks.readers.labelled import LabelledSolution

AWARE, BLIND, DIFFERENCE, DISTANCE = range(4)


def solution(steps, labels, aware, blind, reward=None, whole=True):
    meta = {} if reward is None else {"reward": reward}
    one = LabelledSolution("p", tuple(steps), tuple(labels), "4", meta)
    return Adjudicated(one, tuple(aware), tuple(blind), whole)


def areas(rows):
    return [area(rows, column) for column in range(len(SIGNALS))]


def test_first_errors_by_hand():
    """Sound: a (once, though shared) and b; unsound: x. y lies behind the error, and z has no label."""
    own = [
        solution("axy", (1, -1, -1), (0.9, -0.8, -1.0), (0.5, 0.6, -1.0)),
        solution("abz", (1, 1, None), (0.9, 0.1, 0.0), (0.5, 0.7, 0.0)),
    ]
    rows = first_error_rows(own)
    assert rows[:, :3].tolist() == [
        pytest.approx(row) for row in ((0.9, 0.5, 0.4), (-0.8, 0.6, -1.4), (0.1, 0.7, -0.6))
    ]
    assert rows[:, -1].tolist() == [1, 0, 1]
    # aware: 0.9 and 0.1 above -0.8; blind: 0.5 below, 0.7 above 0.6; |a - b| 0.4 and 0.6 are both less than 1.4
    assert areas(rows) == [1, 0.5, 1, 1]
    assert gain(rows, DIFFERENCE) == 0.5
    assert gain(rows, BLIND) == 0


def test_steps_that_only_look_right_are_looked_for_where_the_end_is_right():
    own = [
        solution("ab", (-1, 1), (-0.5, 0.5), (0.5, 0.5), reward=1.0),
        solution("cd", (-1, -1), (0.0, 0.0), (0.0, 0.0), reward=0.0),
        solution("ef", (-1, 1), (0.0, 0.0), (0.0, 0.0), whole=False),
    ]
    rows = looks_right_rows(own)
    assert rows[:, -1].tolist() == [0, 1]
    assert areas(rows) == [1, 0.5, 1, 1]
    assert looks_right_rows(own[1:]).shape == (0, 5)
    assert area(looks_right_rows(own[1:]), AWARE) is None


def test_a_problem_is_seen_as_its_steps_or_as_its_favoured_end():
    own = [
        solution("ab", (None, None), (0.2, -0.4), (0.4, 0.8), reward=0.0),
        solution("ac", (None, None), (0.2, 0.6), (0.4, 0.3), reward=1.0),
        solution("ad", (None, None), (0.2, 1.0), (0.4, 1.0), whole=False),
    ]
    assert mean_of_steps(own) == pytest.approx(
        np.mean([signals(0.2, 0.4), signals(-0.4, 0.8), signals(0.6, 0.3), signals(1, 1)], axis=0)
    )
    assert favoured_end(own) == pytest.approx((-0.4, 0.8, -1.2, -1.2))  # d is no whole solution
    assert solved_share(own) == 0.5


def test_a_planted_reference_changes_what_the_aware_one_says_and_nobody_else():
    own = [solution("ab", (None, None), (0.2, 0.9), (0.4, 0.8), reward=1.0)]
    rows = reference_rows(own, [(0.1, -0.7)], favoured_end)
    assert rows == pytest.approx(np.array([[0.9, 0.8, 0.1, -0.1, 1, 1], [-0.7, 0.8, -1.5, -1.5, 0, 0]]))
    assert [area(rows, column) for column in range(5)] == [1, 0.5, 1, 1, 1]
    assert len(reference_rows(own, None, favoured_end)) == 1


def test_scores_around_first_errors():
    own = [
        solution("axyzw", (1, -1, 1, 1, 1), (0.5, -0.5, 0, 0, 9), (1, 1, 1, 1, 1), reward=0.0),
        solution("x", (-1,), (-1,), (0,), reward=0.0),
        solution("a", (1,), (1,), (1,), reward=1.0),
    ]
    found = around_error(own, reach=2)
    assert [(row["place"], row["steps"]) for row in found] == [(-1, 1), (0, 2), (1, 1), (2, 1)]
    assert found[1]["aware"] == -0.75
    assert found[1]["blind"] == 0.5


GRID = st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0])


@given(st.lists(st.tuples(GRID, GRID, st.booleans()), max_size=12))
def test_areas_are_shares_of_pairs(case):
    rows = np.array([(*signals(a, b), float(sound)) for a, b, sound in case]).reshape(-1, 5)
    told = {"aware": lambda a, b: a, "blind": lambda a, b: b, "difference": lambda a, b: a - b}
    told["|difference|"] = lambda a, b: -abs(a - b)
    for column, name in enumerate(SIGNALS):
        up = [told[name](a, b) for a, b, sound in case if sound]
        down = [told[name](a, b) for a, b, sound in case if not sound]
        hits = [(high > low) + (high == low) / 2 for high in up for low in down]
        assert area(rows, column) == (pytest.approx(np.mean(hits)) if hits else None)


def test_scores_must_fit_the_steps():
    with pytest.raises(ValueError, match="2 and 1 scores do not fit 2 steps"):
        solution("ab", (1, 1), (0, 0), (0,))
