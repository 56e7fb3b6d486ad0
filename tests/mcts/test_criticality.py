"""Criticality on trees computed by hand, and against loops."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Mode, SearchConfig
from mcts.criticality import by_text, criticality, most_critical, rank, sibling_spread, values
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


def test_the_most_critical_steps_are_ranked_by_how_far_the_value_moves_less_for_few_visits():
    rows = most_critical([made()], 3)
    # |-0.75| * 2 / 6 = 0.25 twice, then |0.25| * 4 / 8 = 0.125; d, 0.25 with 3 visits, comes behind.
    assert [(row.node, row.delta, row.visits) for row in rows] == [(2, -0.75, 2), (6, -0.75, 2), (1, 0.25, 4)]
    assert [rank(row.delta, row.visits) for row in rows] == [0.25, 0.25, 0.125]
    first = rows[0]
    assert (first.problem_id, first.tree, first.depth, first.text) == ("p", 0, 1, "b")
    assert (first.spread, first.value, first.parent_value) == (1.0, -0.25, 0.5)
    assert math.isnan(rows[1].spread)


def test_the_rank_is_the_move_with_four_more_visits_at_the_parents_value():
    for value, parent, visits in ((-1.0, 0.9, 2), (0.4, -0.6, 16), (0.5, 0.5, 3)):
        shrunk = (visits * value + 4 * parent) / (visits + 4)
        assert rank(value - parent, visits) == pytest.approx(abs(shrunk - parent))
    assert rank(-1.88, 2) < rank(1.0, 8)


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


def test_steps_of_one_text_that_move_the_same_way_are_a_group():
    other = made("q")
    other.steps[1], other.steps[6] = Step("b"), Step("b")  # a, where V rises, and f, where it falls
    steps = most_critical([made("p"), other], 9)
    groups = [[(step.problem_id, step.node) for step in group] for group in by_text(steps)]
    assert groups == [[("p", 2), ("q", 2), ("q", 6)], [("p", 6)], [("p", 1)], [("q", 1)], [("p", 4), ("q", 4)]]


@settings(max_examples=30)
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
    sizes = [abs(row.delta) * row.visits / (row.visits + 4) for row in ranked]
    assert sizes == sorted(sizes, reverse=True)
    assert [row.node for row in ranked[:3]] == [row.node for row in most_critical([tree], 3, min_visits=1)]
