"""What holds for every search, and a second, plain implementation that must grow the same trees."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Backup, Expansion, Mode, Rule, SearchConfig, Simulation
from mcts.lockstep import search_lockstep
from mcts.search import Search, verdict_value
from mcts.step import ProposeRequest
from mcts.tree import SearchTree
from tasks.problem import Problem
from tasks.seeding import derive_seed
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, SUM_VERIFIER, run, search_sum, sum_problem

CONFIGS = st.builds(
    SearchConfig,
    mode=st.sampled_from(list(Mode)),
    rule=st.sampled_from(list(Rule)),
    c=st.floats(0, 4),
    first_play=st.none() | st.floats(-1, 1),
    rollouts=st.integers(1, 20),
    in_flight=st.just(1),
    expansion=st.sampled_from(list(Expansion)),
    width=st.integers(1, 6),
    max_depth=st.integers(1, 7),
    simulation=st.sampled_from(list(Simulation)),
    simulation_steps=st.integers(1, 3),
    backup=st.sampled_from(list(Backup)),
    discount=st.sampled_from([1.0, 0.9]),
    merge_duplicates=st.booleans(),
)


def pseudo_visits(tree: SearchTree, node: int) -> int:
    step = tree.steps[node]
    return int(step is not None and not step.is_final and not math.isnan(tree.score[node]))


def real(tree: SearchTree, node: int) -> int:
    return tree.visits[node] - pseudo_visits(tree, node)


def check_invariants(search: Search) -> None:
    config, tree = search.config, search.tree
    assert search.done
    assert search.stats.rollouts == config.rollouts
    if config.simulation in (Simulation.TREE, Simulation.END):
        assert tree.visits[0] >= config.rollouts
    for node in range(len(tree)):
        assert -1 - 1e-12 <= tree.q(node) <= 1 + 1e-12
        children = tree.children(node)
        own = real(tree, node) - sum(real(tree, child) for child in children)
        assert own >= 0
        if children and config.simulation is Simulation.TREE:
            assert own == 0
        if config.backup is Backup.MEAN and config.discount == 1 and own == 0:
            start = tree.score[node] if pseudo_visits(tree, node) else 0.0
            below = sum(
                tree.value_sum[child] - (tree.score[child] if pseudo_visits(tree, child) else 0) for child in children
            )
            assert tree.value_sum[node] == pytest.approx(start + below, abs=1e-9)
        for child in children:
            assert tree.parent[child] == node < child
            assert tree.depth[child] == tree.depth[node] + 1 <= config.max_depth
        if children:
            assert not tree.is_terminal(node)
            assert sum(tree.prior[child] for child in children) == pytest.approx(1)
            texts = [(tree.step(child).text, tree.step(child).is_final) for child in children]
            assert not config.merge_duplicates or len(set(texts)) == len(texts)
    for node in tree.terminals():
        assert tree.visits[node] - pseudo_visits(tree, node) >= 1  # each end was valued, siblings too
        if config.mode is Mode.INFERENCE:
            assert node not in tree.verdicts
        elif node not in tree.dead_ends:
            assert tree.q(node) == verdict_value(tree.verdicts[node])


@settings(max_examples=100)
@given(CONFIGS, st.integers(0, 2**31))
def test_invariants_of_every_tree(config, seed):
    search = search_sum(config, seed=seed)
    run(search, SUM, SUM_EVALUATOR)
    check_invariants(search)


class Plain:
    """UCT over linked objects, each rollout from the paper's text: select, expand, until a path ends; back up."""

    def __init__(self, parent, step, number):
        self.parent, self.step, self.number = parent, step, number
        self.values, self.children, self.end = [], None, None

    def prefix(self):
        return () if self.parent is None else (*self.parent.prefix(), self.step)

    def score(self, c):
        if not self.values:
            return math.inf
        return sum(self.values) / len(self.values) + c * math.sqrt(math.log(len(self.parent.values)) / len(self.values))

    def back_up(self, value):
        self.values.append(value)
        if self.parent is not None:
            self.parent.back_up(value)


def plain_search(problem: Problem, config: SearchConfig, seed: int) -> list[Plain]:
    nodes = [Plain(None, None, 0)]
    for _ in range(config.rollouts):
        node = nodes[0]
        while node.end is None:
            if node.children is None:
                plain_expand(nodes, node, problem, config, seed)
                ended = [child for child in node.children if child.end is not None]
                for child in ended:
                    child.back_up(child.end)
                if ended:
                    break
                if not node.children:
                    node.end = -1.0
                    node.back_up(node.end)
                    break
            best = max(child.score(config.c) for child in node.children)
            node = next(child for child in node.children if child.score(config.c) == best)
        else:
            node.back_up(node.end)
    return nodes


def plain_expand(nodes, node, problem, config, seed):
    request_seed = derive_seed(seed, problem.id, "expand", node.number)
    [answer] = SUM.propose([ProposeRequest(0, problem, node.prefix(), config.width, 1, request_seed)])
    node.children = []
    for (step,) in answer:
        if any((step.text, step.is_final) == (c.step.text, c.step.is_final) for c in node.children):
            continue
        child = Plain(node, step, len(nodes))
        text = "".join(s.text for s in child.prefix())
        if step.is_final:
            child.end = 2 * SUM_VERIFIER.verify(problem, text).reward - 1
        elif len(child.prefix()) == config.max_depth:
            child.end = -1.0
        node.children.append(child)
        nodes.append(child)


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 8), st.integers(2, 8), st.floats(0.1, 3))
def test_the_plain_implementation_grows_the_same_tree(seed, rollouts, width, max_depth, c):
    config = SearchConfig(rollouts=rollouts, width=width, max_depth=max_depth, c=c)
    tree = run(search_sum(config, seed=seed), SUM)
    plain = plain_search(sum_problem(6), config, seed)
    assert [(n.step, len(n.values), sum(n.values)) for n in plain] == [
        (tree.steps[n], tree.visits[n], tree.value_sum[n]) for n in range(len(tree))
    ]


@pytest.mark.parametrize("mode", list(Mode))
def test_slots_change_no_tree(mode):
    def grow(slots):
        done = []
        searches = (search_sum(SearchConfig(mode=mode, rollouts=3 + i % 5), seed=5, index=i) for i in range(12))
        stats = search_lockstep(searches, SUM, SUM_EVALUATOR, slots=slots, on_done=done.append)
        assert stats.searches == 12
        return {search.problem.id: dump(search.tree) for search in done}, stats

    (alone, one), (few, _), (all_at_once, many) = grow(1), grow(5), grow(64)
    assert alone == few == all_at_once
    assert one.waves > many.waves
    assert one.candidates_asked == many.candidates_asked


def dump(tree: SearchTree):
    columns = (tree.parent, tree.visits, tree.value_sum, tree.prior)
    return [list(column) for column in columns], repr(tree.score), tree.steps, tree.verdicts, tree.dead_ends


def test_answers_may_come_in_any_order():
    config = SearchConfig(mode=Mode.PPM_AUGMENTED, rollouts=6)
    in_order, reverse = search_sum(config), search_sum(config)
    run(in_order, SUM, SUM_EVALUATOR)
    while not reverse.done:
        wanted = reverse.requests()
        for request, answer in zip(wanted.propose, SUM.propose(wanted.propose), strict=True):
            reverse.feed_proposals(request.key, answer)
        for request in reversed(wanted.score):
            reverse.feed_score(request.key, SUM_EVALUATOR.score([request])[0])
    assert dump(in_order.tree) == dump(reverse.tree)


def test_another_seed_gives_another_tree():
    first, again, other = (search_sum(SearchConfig(), seed=seed) for seed in (1, 1, 2))
    for search in (first, again, other):
        run(search, SUM)
    assert dump(first.tree) == dump(again.tree) != dump(other.tree)


def test_problems_that_share_a_seed_get_their_own_draws():
    trees = [run(Search(sum_problem(6, index), SearchConfig(), 0, SUM_VERIFIER), SUM) for index in (0, 1)]
    assert trees[0].steps != trees[1].steps
