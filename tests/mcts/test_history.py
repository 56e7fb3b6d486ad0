"""A tree's history tells what every node's statistics were after each value."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from mcts.config import Expansion, Mode, SearchConfig
from mcts.history import statistics_at
from mcts.search import Search
from mcts.tree import SearchTree
from mcts.tree_json import MalformedTreeError, decode, encode
from tasks.problem import Problem
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum, search_table
from tests.mcts.test_search_properties import CONFIGS

Snapshot = tuple[int, list[int], list[float]]


def moments(search: Search) -> Iterator[Snapshot]:
    """The search, answered one request at a time: entries, visits and value sums between any two answers."""
    while not search.done:
        wanted = search.requests()
        for request in wanted.propose:
            search.feed_proposals(request.key, SUM.propose([request])[0])
        for request in wanted.score:
            search.feed_score(request.key, SUM_EVALUATOR.score([request])[0])
        tree = search.tree
        assert tree.history is not None
        yield len(tree.history), list(tree.visits), list(tree.value_sum)


@settings(max_examples=150)
@given(CONFIGS)
def test_every_moment_of_a_search_can_be_told_afterwards(config):
    search = search_sum(config)
    seen = list(moments(search))
    tree = search.tree
    for entries, visits, value_sum in seen[:-1]:  # the last one adds what no rollout came to again
        told = statistics_at(tree, entries)
        size = tree.history.size[entries - 1] if entries else 1
        assert told[0][:size] == visits[:size]
        assert told[1][:size] == pytest.approx(value_sum[:size], abs=1e-9)
    told = statistics_at(tree, len(tree.history))
    size = tree.history.size[-1] if len(tree.history) else 1
    assert told[0][:size] == list(tree.visits)[:size]
    assert told[1][:size] == pytest.approx(list(tree.value_sum)[:size], abs=1e-9)


@pytest.mark.parametrize("expansion", list(Expansion))
def test_rollouts_under_way_at_once_are_told_in_the_order_of_their_ends(expansion):
    tree = run(search_sum(SearchConfig(in_flight=4, rollouts=20, expansion=expansion)), SUM)
    told = statistics_at(tree, len(tree.history))
    size = tree.history.size[-1]
    assert told[0][:size] == list(tree.visits)[:size]
    assert list(tree.history.rollout) == sorted(tree.history.rollout)
    assert tree.history.rollout[-1] == 20


def test_the_history_of_a_small_search_by_hand():
    # Rollout 1: a, then x and y (two ends at once); 2: b, c, z.
    history = search_table(rollouts=2).tree.history
    assert list(history.rollout) == [1, 1, 2]
    assert list(history.node) == [3, 4, 6]
    assert list(history.value) == [-1.0, 1.0, 1.0]
    assert list(history.size) == [5, 5, 7]


def test_a_path_sampled_as_a_whole_names_the_node_that_its_end_became():
    config = SearchConfig(expansion=Expansion.CONTINUATION, rollouts=6, width=3, max_depth=6)
    tree = run(search_sum(config), SUM)
    ends = [node for node in tree.terminals() if node in tree.verdicts]
    assert {node for node in tree.history.node if tree.is_terminal(node)} >= set(ends)


@pytest.mark.parametrize("mode", list(Mode))
def test_it_is_written_and_read(mode):
    tree = run(search_sum(SearchConfig(mode=mode, discount=0.5)), SUM, SUM_EVALUATOR)
    again = decode(json.loads(json.dumps(encode(tree))))
    assert again.history == tree.history


def test_trees_without_one_are_read():
    row = encode(search_table(rollouts=2).tree)
    del row["history"]
    assert decode(row).history is None
    bare = SearchTree(Problem("p", "?", ""))
    assert encode(bare)["history"] is None
    with pytest.raises(ValueError, match="no history"):
        statistics_at(bare, 0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"backup": "sum"}, "backup is one of mean, max"),
        ({"discount": 0}, "discount of history must lie in"),
        ({"value": [1.0]}, "lists of equal length"),
        ({"node": [3, 4, 7]}, "values in .* at nodes, got 1.0 at 7"),
        ({"value": [-1.0, 1.5, 1.0]}, "got 1.5 at 4"),
        ({"rollout": [1, 2, 1]}, "never fall, got 1"),
        ({"size": [5, 4, 7]}, "never fall, got 1 and 4"),
        ({"size": [5, 5, 8]}, "never fall, got 2 and 8"),
    ],
)
def test_a_broken_history_is_refused(change, sentence):
    row = encode(search_table(rollouts=2).tree)
    row["history"] |= change
    with pytest.raises(MalformedTreeError, match=sentence):
        decode(row)
