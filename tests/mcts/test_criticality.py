"""Criticality on trees computed by hand, and against loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Mode, SearchConfig
from mcts.criticality import criticality, most_critical, sibling_spread, values
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Problem
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum, search_table


def made(problem_id="p", visits=8):
    """Root 0.5: a (V 0.75, 4 visits), b (V -0.25, 2), c (never visited). Below a: d (V 1, 3), e (V 0, 1); f below b."""
    tree = SearchTree(Problem(problem_id, "?", ""))
    tree.add_children(0, [Step("a"), Step("b"), Step("c")], [1.0] * 3)
    tree.add_children(1, [Step("d"), Step("e")], [1.0] * 2)
    tree.add_children(2, [Step("f")], [1.0])
    for node, (n, v) in enumerate([(visits, 0.5), (4, 0.75), (2, -0.25), (0, 0.0), (3, 1.0), (1, 0.0), (2, -1.0)]):
        tree.visits[node], tree.value_sum[node] = n, n * v
    return tree


def test_criticality_is_v_of_the_step_minus_v_of_its_parent():
    np.testing.assert_allclose(criticality(made()), [np.nan, 0.25, -0.75, np.nan, 0.25, -0.75, -0.75])


def test_the_spread_is_that_of_the_visited_siblings_at_the_parent():
    nan = np.nan
    np.testing.assert_allclose(sibling_spread(made()), [nan, 1.0, 1.0, 1.0, 1.0, 1.0, nan])  # f has no sibling


def test_what_was_never_visited_has_no_value():
    tree = made(visits=0)
    np.testing.assert_allclose(values(tree), [np.nan, 0.75, -0.25, np.nan, 1.0, 0.0, -1.0])
    assert np.isnan(criticality(tree)[:4]).all()
    lone = SearchTree(Problem("p", "?", ""))
    for found in (values(lone), criticality(lone), sibling_spread(lone)):
        assert found.shape == (1,)
        assert math.isnan(found[0])


def test_a_search_by_hand():
    # Two rollouts: a's ends x (wrong) and y (right) give a 0 and the root, with z (right) by b, (-1 + 1 + 1) / 3.
    tree = search_table(rollouts=2).tree
    found = dict(
        zip(("".join(s.text for s in tree.prefix(n)) for n in range(len(tree))), criticality(tree), strict=True)
    )
    third = tree.q(0)
    assert third == pytest.approx(1 / 3)
    assert {name: found[name] for name in ("a", "ax", "ay", "b")} == pytest.approx(
        {"a": 0 - third, "ax": -1, "ay": 1, "b": 1 - third}
    )


def test_the_most_critical_steps_are_ranked_by_how_far_the_value_moves():
    rows = most_critical([made()], 3)
    assert [(row.node, row.delta, row.visits) for row in rows] == [(2, -0.75, 2), (6, -0.75, 2), (1, 0.25, 4)]
    first = rows[0]
    assert (first.problem_id, first.tree, first.depth, first.text) == ("p", 0, 1, "b")
    assert (first.spread, first.value, first.parent_value) == (1.0, -0.25, 0.5)
    assert math.isnan(rows[1].spread)


def test_few_visits_rank_only_when_asked_for_and_ties_go_to_more_visits_then_to_the_earlier():
    assert [(row.node, row.visits) for row in most_critical([made()], 9, min_visits=1)] == [
        (2, 2), (6, 2), (5, 1), (1, 4), (4, 3),
    ]  # fmt: skip
    both = most_critical(iter([made("p"), made("q")]), 4)
    assert [(row.problem_id, row.tree, row.node) for row in both] == [
        ("p", 0, 2),
        ("p", 0, 6),
        ("q", 1, 2),
        ("q", 1, 6),
    ]
    assert most_critical([], 5) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.sampled_from([Mode.TERMINAL_GUIDED, Mode.PPM_AUGMENTED]))
def test_arrays_agree_with_loops(seed, rollouts, mode):
    search = search_sum(SearchConfig(mode=mode, rollouts=rollouts, width=3, max_depth=6), seed=seed)
    tree = run(search, SUM, SUM_EVALUATOR)
    deltas, spreads = criticality(tree), sibling_spread(tree)
    ranked = most_critical([tree], len(tree), min_visits=1)
    expected = set()
    for node in range(1, len(tree)):
        parent = tree.parent[node]
        qs = [tree.q(child) for child in tree.children(parent) if tree.visits[child]]
        if tree.visits[node] and tree.visits[parent]:
            assert deltas[node] == tree.q(node) - tree.q(parent)
            expected.add(node)
        else:
            assert math.isnan(deltas[node])
        assert spreads[node] == max(qs) - min(qs) if len(qs) > 1 else math.isnan(spreads[node])
    assert {row.node for row in ranked} == expected
    sizes = [abs(row.delta) for row in ranked]
    assert sizes == sorted(sizes, reverse=True)
