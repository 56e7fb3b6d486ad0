"""Held-out judgement against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm.held_out import judge, split
from tasks.readers.care import refuse_shared
from tasks.readers.labelled import LabelledSolution

CASES = st.lists(st.tuples(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), st.sampled_from([-1.0, -0.2, 0.0, 1.0])))


@given(CASES)
def test_accuracy_and_order_are_counted(case):
    found = judge([value for value, _ in case], [label for _, label in case])
    sided = [(value, label > 0) for value, label in case if label]
    assert found.count == len(sided)
    if not sided:
        assert found.accuracy is found.order is None
        return
    assert found.accuracy == pytest.approx(np.mean([value > 0 if up else value < 0 for value, up in sided]))
    pairs = [(a > b) + (a == b) / 2 for a, up in sided if up for b, other in sided if not other]
    assert found.order == (pytest.approx(np.mean(pairs)) if pairs else None)
    assert found.majority >= 0.5


def test_a_problem_is_on_one_side_and_the_seed_decides_which():
    solutions = [LabelledSolution(f"p {n % 10}" if n % 2 else f" P  {n % 10}", ("s",), (1.0,)) for n in range(40)]
    learned, held_out = split(solutions, 0.3, 0)
    assert (len(learned), len(held_out)) == (28, 12)
    refuse_shared({"learned": learned, "held out": held_out})
    assert split(solutions, 0.3, 0)[1] == held_out
    assert any(split(solutions, 0.3, seed)[1] != held_out for seed in range(1, 5))
    assert split(solutions, 0.0, 0) == (solutions, [])
