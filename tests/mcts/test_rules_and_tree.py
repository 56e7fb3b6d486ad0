import math

import numpy as np
import pytest

from mcts.config import Rule
from mcts.rules import RULES, puct, rstar_released, uct
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict

PROBLEM = Problem("p/0/0", "?", "1")


def family(statistics, parent_visits, priors=None):
    """A root whose children have the given (visits, value_sum)."""
    tree = SearchTree(PROBLEM)
    count = len(statistics)
    tree.add_children(0, [Step(str(i)) for i in range(count)], priors or [1 / count] * count)
    tree.visits[0] = parent_visits
    for child, (visits, value_sum) in enumerate(statistics, start=1):
        tree.visits[child] = visits
        tree.value_sum[child] = value_sum
    return tree


def test_uct_is_the_formula():
    tree = family([(4, 2.0), (2, -1.0), (1, -1.0)], 7)
    scores = [q + 1.5 * math.sqrt(math.log(7) / n) for q, n in ((0.5, 4), (-0.5, 2), (-1.0, 1))]
    assert uct(tree, 0, 1.5, None) == 1 + scores.index(max(scores)) == 1
    assert uct(tree, 0, 0.0, None) == 1
    assert uct(tree, 0, 100.0, None) == 3  # exploration decides: the least visited


def test_uct_tries_every_unvisited_child_first_or_plays_its_first_play_value():
    tree = family([(3, 3.0), (0, 0.0), (0, 0.0)], 3)
    assert uct(tree, 0, 2.0, None) == 2
    assert uct(tree, 0, 0.0, 0.5) == 1  # Q = 1 against 0.5
    assert uct(tree, 0, 0.0, 2.0) == 2


def test_uct_weighs_first_play_against_exploration():
    tree = family([(3, 3.0), (0, 0.0)], 3)
    visited, unvisited = 1 + 2 * math.sqrt(math.log(3) / 3), -1 + 2 * math.sqrt(math.log(3))
    assert visited > unvisited
    assert uct(tree, 0, 2.0, -1.0) == 1


def test_puct_is_the_formula():
    tree = family([(3, 1.5), (1, 0.0), (0, 0.0)], 4, [0.1, 0.8, 0.1])
    scores = [0.5 + 2 * 0.1 * 2 / 4, 0.0 + 2 * 0.8 * 2 / 2, 0.0 + 2 * 0.1 * 2 / 1]
    assert puct(tree, 0, 2.0, 0.0) == 1 + scores.index(max(scores)) == 2
    assert puct(tree, 0, 2.0, None) == 3
    assert puct(family([(0, 0.0)] * 3, 0, [0.2, 0.5, 0.3]), 0, 2.0, 0.0) == 2  # the prior alone decides


def test_released_rule_prefers_a_failed_child_to_unvisited_siblings():
    tree = family([(1, -1.0), (0, 0.0)], 2)
    assert -1 + 2 * math.sqrt(math.log(2)) == pytest.approx(0.665, abs=1e-3)
    assert rstar_released(tree, 0, 2.0, None) == 1
    assert uct(tree, 0, 2.0, None) == 2
    assert rstar_released(family([(1, -1.0), (0, 0.0)], 1), 0, 2.0, None) == 2  # ln 1 = 0: -1 against 0


def values_by_numpy(rule, visits_W, value_sum_W, prior_W, parent_visits, c, first_play):
    """What each of W children is worth to a rule; infinity for one that must be tried first."""
    n_W = np.maximum(visits_W, 1)
    if rule is Rule.PUCT:
        explore_W = c * prior_W * np.sqrt(max(parent_visits, 1)) / (1 + visits_W)
    else:
        explore_W = c * np.sqrt(np.log(max(parent_visits, 1)) / n_W)
    unvisited_W = np.inf if first_play is None else first_play + explore_W
    return np.where(visits_W > 0, value_sum_W / n_W + explore_W, 0.0 if rule is Rule.RSTAR_RELEASED else unvisited_W)


@pytest.mark.parametrize("first_play", [None, 0.25])
@pytest.mark.parametrize("rule", list(Rule))
def test_rules_choose_as_numpy_does_at_all_counts(rule, first_play):
    rng = np.random.default_rng(5)
    edge_W = np.array([4095, 4096, 4097, 0, 4095, 4096, 4097, 4096])  # where the table of roots ends
    chosen = set()
    for round_ in range(400):
        drawn_W = (10 ** rng.uniform(0, rng.uniform(0.5, 6), size=8)).astype(int) * (rng.random(8) < 0.9)
        visits_W = drawn_W if round_ % 4 else rng.permutation(edge_W)
        parent_visits = int(rng.choice([0, 1, 4095, 4096, 4097, visits_W.sum()]))
        value_sum_W, prior_W = visits_W * rng.uniform(-1, 1, size=8), rng.dirichlet(np.ones(8))
        c = rng.uniform(0, 2) * np.sqrt(visits_W.max() + 1)  # so that both terms decide
        tree = family(list(zip(visits_W.tolist(), value_sum_W.tolist(), strict=True)), parent_visits, prior_W.tolist())
        child = RULES[rule](tree, 0, float(c), first_play) - 1
        worth_W = values_by_numpy(rule, visits_W, value_sum_W, prior_W, parent_visits, c, first_play)
        assert child == worth_W.argmax() or worth_W[child] == pytest.approx(worth_W.max(), rel=1e-12, abs=1e-12)
        chosen.add(child)
    assert len(chosen) == 8


@pytest.mark.parametrize("rule", list(Rule))
def test_ties_go_to_the_lowest_index(rule):
    assert RULES[rule](family([(2, 0.0)] * 4, 8), 0, 2.0, None) == 1
    assert RULES[rule](family([(0, 0.0)] * 4, 0), 0, 2.0, None) == 1


def test_backups():
    tree = family([(0, 0.0)] * 2, 0)
    tree.add_children(1, [Step("a"), Step("b", is_final=True)], [0.5, 0.5])
    tree.back_up_mean(4, 1.0, discount=0.5)
    assert [tree.value_sum[n] for n in (4, 1, 0)] == [1.0, 0.5, 0.25]
    tree.back_up_mean(3, -1.0)
    assert [(tree.visits[n], tree.value_sum[n]) for n in (4, 3, 2, 1, 0)] == [
        (1, 1.0), (1, -1.0), (0, 0.0), (2, -0.5), (2, -0.75),
    ]  # fmt: skip


def test_max_backup_keeps_the_best_value_and_drops_the_score_at_the_first():
    tree = family([(0, 0.0)] * 2, 0)
    tree.set_score(1, 0.9, pseudo_visit=True)
    assert tree.q(1) == pytest.approx(0.9)
    for value, best in ((-1.0, -1.0), (0.25, 0.25), (-0.5, 0.25)):
        tree.back_up_max(1, value)
        assert tree.q(1) == tree.q(0) == pytest.approx(best)
    assert (tree.visits[0], tree.visits[1]) == (3, 4)


def test_paths_prefixes_and_trajectories():
    tree = family([(3, 1.0), (1, -1.0)], 4)
    tree.add_children(1, [Step("a", (5, 6), (-0.1, -0.2)), Step("b", (7,), (-0.3,), is_final=True)], [0.5, 0.5])
    tree.visits[4], tree.value_sum[4] = 2, 2.0
    tree.verdicts[4] = Verdict(Outcome.CORRECT, 1.0)
    tree.dead_ends.add(2)
    assert tree.path(4) == [1, 4]
    assert tree.path(0) == []
    assert [step.text for step in tree.prefix(4)] == ["0", "b"]
    assert tree.children(1) == range(3, 5)
    assert len(tree.children(2)) == 0
    right, dead = tree.trajectory(4), tree.trajectory(2)
    assert {t.nodes for t in tree.trajectories()} == {(1, 4), (2,)}
    assert (right.text, right.token_ids, right.is_final, dead.is_final) == ("0b", (7,), True, False)
    assert right.qs == (pytest.approx(1 / 3), 1.0)
    assert right.mean_q == pytest.approx(2 / 3)
    assert right.min_q == pytest.approx(1 / 3)
    assert tree.best_path() == [1, 4]
    assert tree.solved
    view = tree.node(4)
    assert (view.parent, view.depth, view.visits, view.q, view.score, view.is_terminal) == (1, 2, 2, 1.0, None, True)


def test_a_node_is_expanded_once_and_never_beyond_an_end():
    tree = family([(0, 0.0)], 0)
    with pytest.raises(ValueError, match="expanded already"):
        tree.add_children(0, [Step("x")], [1.0])
    tree.dead_ends.add(1)
    with pytest.raises(ValueError, match="terminal"):
        tree.add_children(1, [Step("x")], [1.0])
    with pytest.raises(ValueError, match="root has no step"):
        tree.step(0)


def test_statistics_take_at_most_48_bytes_a_node():
    tree = SearchTree(PROBLEM)
    for node in range(2000):
        tree.add_children(node, [Step("x")] * 8, [1 / 8] * 8)
    columns = (tree.parent, tree.first_child, tree.child_count, tree.depth)
    values = (tree.visits, tree.value_sum, tree.prior, tree.score)
    assert sum(column.__sizeof__() for column in (*columns, *values)) / len(tree) <= 48
