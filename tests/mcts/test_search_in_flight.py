"""Several rollouts of a tree under way at once: virtual loss, waiting, and what holds at the end."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Backup, Expansion, Mode, Rule, SearchConfig, Simulation
from mcts.lockstep import search_lockstep
from mcts.rules import RULES
from mcts.scripted import ScriptedProposer, ScriptedStream, ScriptedVerifier, TableProposer
from mcts.search import Search, verdict_value
from mcts.step import Step
from mcts.streaming import search_streaming
from mcts.tree import SearchTree
from mcts.virtual_loss import VirtualLoss
from tasks.problem import Problem
from tests.mcts.puzzles import (
    SUM,
    SUM_EVALUATOR,
    TABLE,
    TABLE_PROBLEM,
    TABLE_VERIFIER,
    search_sum,
    statistics,
)
from tests.mcts.test_search_properties import CONFIGS, check_invariants, dump


def small_tree() -> SearchTree:
    """Root with children 1-3; 1 has children 4 and 5."""
    tree = SearchTree(Problem("p", "", ""))
    tree.add_children(0, [Step("a"), Step("b"), Step("c")], [0.5, 0.25, 0.25])
    tree.add_children(1, [Step("d"), Step("e")], [0.5, 0.5])
    for node, value in ((4, 1.0), (5, 0.1), (2, -1.0), (3, -1.0)):
        tree.back_up_mean(node, value)
    return tree


def test_virtual_loss_by_hand():
    tree = small_tree()
    held = VirtualLoss(tree, RULES[Rule.UCT], 1.0, None)
    # Root: 1 has Q 0.55 + sqrt(ln 4 / 2) = 1.38, 2 and 3 have -1 + sqrt(ln 4) = 0.18. Below 1: 4 before 5.
    assert held.walk() == 4
    held.hold(4)
    assert held.walks == {0: 1, 1: 1, 4: 1}
    # Root N 5: 1 has (1.1 - 1) / 3 + sqrt(ln 5 / 3) = 0.77, 2 has -1 + sqrt(ln 5) = 0.27. Below 1 (N 3):
    # 4 has (1 - 1) / 2 + sqrt(ln 3 / 2) = 0.74, 5 has 0.1 + sqrt(ln 3) = 1.15.
    assert held.walk() == 5
    held.hold(5)
    # Root N 6: 1 has (1.1 - 2) / 4 + sqrt(ln 6 / 4) = 0.44, 2 has -1 + sqrt(ln 6) = 0.34. Below: 4 0.83, 5 0.38.
    assert held.walk() == 4
    held.hold(4)
    # Root N 7: 1 has (1.1 - 3) / 5 + sqrt(ln 7 / 5) = 0.24, 2 has -1 + sqrt(ln 7) = 0.39.
    assert held.walk() == 2
    for node in (4, 5, 4):
        held.release(node)
    assert held.walks == {}
    assert held.walk() == 4


def test_the_parent_counts_as_visited_once_more_too():
    tree = SearchTree(Problem("p", "", ""))
    tree.add_children(0, [Step("a"), Step("b")], [0.5, 0.5])
    for node, value in ((1, 1.0), (1, 1.0), (2, -0.14)):
        tree.back_up_mean(node, value)
    held = VirtualLoss(tree, RULES[Rule.UCT], 1.0, None)
    held.hold(1)
    # N 4: a (2 - 1) / 3 + sqrt(ln 4 / 3) = 1.01, b -0.14 + sqrt(ln 4) = 1.04. With N 3: 0.94 and 0.91.
    assert held.walk() == 2


@pytest.mark.parametrize("rule", list(Rule))
def test_looking_leaves_the_statistics_as_they_were_to_the_last_bit(rule):
    tree = small_tree()
    before = dump(tree)
    held = VirtualLoss(tree, RULES[rule], 2.0, 0.5)
    for _ in range(5):
        held.hold(held.walk())
        assert dump(tree) == before


def test_a_second_rollout_takes_another_child_and_at_the_root_it_waits():
    search = Search(TABLE_PROBLEM, SearchConfig(rollouts=3, in_flight=2), 0, TABLE_VERIFIER)
    table = TableProposer(TABLE)

    def answer(request):
        search.feed_proposals(request.key, table.propose([request])[0])

    [root] = search.requests().propose
    assert search.stats.waits == 1  # the second rollout came to the root, which is under expansion
    answer(root)
    a, b = search.requests().propose  # the first goes on to a, the second starts anew and comes to b
    assert [request.prefix[0].text for request in (a, b)] == ["a", "b"]
    answer(b)
    [c] = search.requests().propose
    answer(a)
    # x and y are valued, the first rollout is over. The third: a 0 + 2 sqrt(ln 3 / 2) = 1.48 against b, held by the
    # second, -1 + 2 sqrt(ln 3) = 1.10; then y, 1 + 1.67 against x -1 + 1.67, whose value is known.
    assert search.stats.rollouts == 2
    answer(c)
    assert search.done
    assert statistics(search.tree) == {
        "": (4, 2.0), "a": (3, 1.0), "b": (1, 1.0), "ax": (1, -1.0), "ay": (2, 2.0), "bc": (1, 1.0), "bcz": (1, 1.0),
    }  # fmt: skip


class Watched(ScriptedStream):
    """Notes how many requests of a search are open at once, and every seed."""

    def __init__(self, proposer, order):
        super().__init__(proposer, order)
        self.most_open, self.seeds = 0, []

    def submit(self, ticket, request):
        super().submit(ticket, request)
        self.seeds.append((request.problem.id, request.seed))
        problems = [r.problem.id for r in self._open.values()]
        self.most_open = max(self.most_open, *map(problems.count, problems))


@settings(max_examples=100)
@given(CONFIGS, st.integers(2, 6), st.integers(0, 2**31), st.integers(0, 2**31))
def test_invariants_hold_with_several_in_flight(config, in_flight, seed, order):
    config.in_flight = in_flight
    searches = [search_sum(config, seed=seed, index=i) for i in range(3)]
    stream = Watched(SUM, order)
    search_streaming(searches, stream, SUM_EVALUATOR, slots=2)
    for search in searches:
        check_invariants(search)
        assert search._held.walks == {}
        assert not search._expanding
        assert not search._sprouts
    assert stream.most_open <= in_flight
    assert len(set(stream.seeds)) == len(stream.seeds)  # no expansion and no simulation is asked for twice


@settings(max_examples=60)
@given(CONFIGS, st.integers(2, 6), st.integers(0, 2**31), st.integers(1, 4))
def test_lockstep_with_several_in_flight_is_reproducible_whatever_the_slots(config, in_flight, seed, slots):
    config.in_flight = in_flight

    def grow(slots):
        searches = [search_sum(config, seed=seed, index=i) for i in range(4)]
        search_lockstep(searches, SUM, SUM_EVALUATOR, slots=slots)
        return searches

    searches = grow(slots)
    assert [dump(search.tree) for search in searches] == [dump(search.tree) for search in grow(4)]
    for search in searches:
        check_invariants(search)


@pytest.mark.parametrize("backup", list(Backup))
@pytest.mark.parametrize("expansion", list(Expansion))
def test_visits_add_up_exactly_over_a_large_tree(expansion, backup):
    letters = ScriptedProposer(
        lambda problem, prefix, rng: Step("abcdefgh"[int(rng.integers(8))], is_final=len(prefix) == 4)
    )
    verifier = ScriptedVerifier(lambda problem, text: float(text.count("a") == 2))
    config = SearchConfig(rollouts=400, in_flight=8, expansion=expansion, backup=backup, width=4, c=50.0)
    search = Search(Problem("big", "?", ""), config, 0, verifier)
    search_streaming([search], ScriptedStream(letters, 5))
    tree = search.tree
    assert len(tree) > 400
    for node in range(len(tree)):
        children = tree.children(node)
        if children:
            assert tree.visits[node] == sum(tree.visits[child] for child in children)
            if backup is Backup.MEAN:
                assert tree.value_sum[node] == sum(tree.value_sum[child] for child in children)  # whole numbers
    assert tree.visits[0] == sum(tree.visits[node] for node in tree.terminals())
    assert all(tree.q(n) == verdict_value(tree.verdicts[n]) for n in tree.terminals() if n not in tree.dead_ends)


def test_known_ends_do_not_use_up_the_rollouts_while_an_expansion_is_under_way():
    # x ends at once. While b is under expansion there is nothing else to learn: the others may not all go to x.
    table = {"": [Step("x", is_final=True), Step("b")], "b": [Step("y", is_final=True)]}
    search = Search(Problem("w", "?", ""), SearchConfig(rollouts=50, in_flight=4), 0, TABLE_VERIFIER)
    [root] = search.requests().propose
    search.feed_proposals(root.key, TableProposer(table).propose([root])[0])
    [b] = search.requests().propose
    assert b.prefix[0].text == "b"
    assert search.stats.rollouts <= 1 + 4  # the first, and those that may start between two answers
    search.feed_proposals(b.key, TableProposer(table).propose([b])[0])
    assert search.done
    assert set(statistics(search.tree)) == {"", "x", "b", "by"}


def test_simulations_in_flight_give_every_rollout_a_value():
    for mode in Mode:
        config = SearchConfig(mode, rollouts=12, in_flight=4, simulation=Simulation.END)
        search = search_sum(config)
        search_streaming([search], ScriptedStream(SUM, 1), SUM_EVALUATOR)
        assert search.tree.visits[0] >= 12
        assert not math.isnan(search.tree.q(0))
