"""Beam search, DVTS and whole solutions: by hand, against a plain re-implementation, and under every driver."""

from __future__ import annotations

import json
import math
from itertools import product

import numpy as np
import pytest

from mcts.beam import BeamSearch
from mcts.dvts import DiverseTreeSearch
from mcts.lockstep import search_lockstep
from mcts.scripted import ScriptedEvaluator, TableProposer
from mcts.searcher import Searcher
from mcts.step import ProposeRequest, ScoreRequest, Step
from mcts.storage import read_trees, write_trees
from mcts.tree_json import encode
from mcts.votes import Aggregation, ended, solution_of
from mcts.waves import WaveConfig, shares
from mcts.whole import WholeSolutions
from tasks.errors import UserError
from tasks.problem import Problem
from tests.mcts.puzzles import SCORES, SUM, SUM_EVALUATOR, TABLE, TABLE_PROBLEM, statistics, sum_problem
from viewer.text import render_tree

TABLE_EVALUATOR = ScriptedEvaluator(lambda problem, prefix: SCORES["".join(step.text for step in prefix)])


def run(search, proposer=None, evaluator=TABLE_EVALUATOR):
    search_lockstep([search], proposer or TableProposer(TABLE), evaluator)
    assert search.done
    return search.tree


def texts(tree):
    return ["".join(step.text for step in tree.prefix(node)) for node in range(1, len(tree))]


def test_beam_of_one_follows_the_best_step_alone():
    search = BeamSearch(TABLE_PROBLEM, WaveConfig(candidates=2, width=2), 0)
    tree = run(search)
    assert texts(tree) == ["a", "b", "ax", "ay"]
    assert solution_of(tree, Aggregation.LAST) == "ay"
    # A step's score is its first visit; what ends is a value for all above it.
    assert statistics(tree) == {
        "": (2, 1.0), "a": (3, 1.5), "b": (1, -0.5), "ax": (1, 0.125), "ay": (1, 0.875)
    }  # fmt: skip
    assert (search.stats.expansions, search.stats.candidates, search.stats.duplicates) == (2, 4, 0)


def test_beam_of_two_goes_on_below_both_and_then_with_all_candidates_below_one():
    asked = []

    class Counting(TableProposer):
        def propose(self, requests):
            asked.extend(("".join(step.text for step in r.prefix), r.count) for r in requests)
            return super().propose(requests)

    tree = run(BeamSearch(TABLE_PROBLEM, WaveConfig(candidates=5, width=2), 0), Counting(TABLE))
    assert asked == [("", 5), ("a", 3), ("b", 2), ("bc", 5)]  # the better one gets the odd candidate
    assert texts(tree) == ["a", "b", "ax", "ay", "bc", "bcz"]
    assert not tree.dead_ends


@pytest.mark.parametrize("how", Aggregation)
def test_the_ranking_is_by_the_aggregation_over_the_path(how):
    table = {"": [Step("a"), Step("b")], "a": [Step("c"), Step("d")], "b": [Step("e")]}
    table |= {text: [Step("!", is_final=True)] for text in ("ac", "ad", "be")}
    scores = {"a": -0.9, "b": 0.4, "ac": 0.6, "ad": 0.55, "be": 0.5}
    evaluator = ScriptedEvaluator(lambda problem, prefix: scores.get("".join(step.text for step in prefix), 0.0))
    tree = run(BeamSearch(TABLE_PROBLEM, WaveConfig(4, width=2, aggregation=how), 0), TableProposer(table), evaluator)
    # Two of three are gone on with at the second depth: all but the last score see the weak step a.
    ends = {text for text in texts(tree) if text.endswith("!")}
    # soft_min counts a step the less the better it is, so of ac and ad it takes the one with the worse second step.
    expected = {Aggregation.LAST: {"ac!", "ad!"}, Aggregation.SOFT_MIN: {"ad!", "be!"}}
    assert ends == expected.get(how, {"ac!", "be!"})


def test_each_subtree_of_dvts_makes_its_own_choice():
    tree = run(DiverseTreeSearch(TABLE_PROBLEM, WaveConfig(candidates=4, width=2), 0))
    assert texts(tree) == ["a", "b", "a", "b", "ax", "ay", "ax", "ay"]
    assert list(tree.parent)[5:] == [1, 1, 3, 3]


def test_dvts_samples_its_subtrees_independently():
    asked: list[ProposeRequest] = []

    class Recording:
        def propose(self, requests):
            asked.extend(requests)
            return SUM.propose(requests)

    run(DiverseTreeSearch(sum_problem(4), WaveConfig(candidates=8, width=2), 0), Recording(), SUM_EVALUATOR)
    assert [request.count for request in asked[:4]] == [2, 2, 2, 2]
    assert len({request.seed for request in asked}) == len(asked)


def test_dvts_with_one_subtree_is_beam_search_with_one_beam():
    config = WaveConfig(candidates=3, width=4, max_depth=8)
    trees = [run(kind(sum_problem(5), config, 7), SUM, SUM_EVALUATOR) for kind in (BeamSearch, DiverseTreeSearch)]
    # Until the best candidate ends a solution; beam search then goes on with those that have not ended.
    assert texts(trees[0])[: len(trees[1]) - 1] == texts(trees[1])


def _random_world(seed):
    """A table of up to 4 levels with finals and gaps, and a score for every text; scores differ."""
    rng = np.random.default_rng(seed)
    table, scores = {}, {}
    level = [""]
    for depth in range(4):
        below = []
        for text in level:
            names = rng.permutation(list("abcde"))[: rng.integers(0, 6)]
            table[text] = [Step(name, is_final=bool(rng.random() < 0.3)) for name in names]
            below += [text + step.text for step in table[text] if not step.is_final]
            scores |= {text + step.text: float(rng.uniform(-1, 1)) for step in table[text]}
        level = below if depth < 3 else []
    return table, scores


def _plain_beam(table, scores, n, m, depth):
    """Beam search over texts as search-and-learn writes it: (all texts seen, texts that end)."""
    seen, finished, beams = [], [], [""]
    for level in range(depth):
        counts = [n // len(beams) + (i < n % len(beams)) for i in range(len(beams))]
        active = []
        for beam, count in zip(beams, counts, strict=True):
            for step in table.get(beam, [])[:count]:
                seen.append(beam + step.text)
                (finished if step.is_final else active).append(beam + step.text)
        beams = sorted(active, key=lambda text: -scores[text])[: max(1, n // m)]
        if not beams or level == depth - 1:
            break
    return seen, finished


@pytest.mark.parametrize("seed", range(25))
def test_beam_search_does_what_a_plain_loop_does(seed):
    table, scores = _random_world(seed)
    evaluator = ScriptedEvaluator(lambda problem, prefix: scores["".join(step.text for step in prefix)])
    for n, m, depth in product((1, 2, 5, 8), (1, 2, 4), (1, 2, 5)):
        tree = run(BeamSearch(TABLE_PROBLEM, WaveConfig(n, m, depth), 0), TableProposer(table), evaluator)
        seen, finished = _plain_beam(table, scores, n, m, depth)
        assert sorted(texts(tree)) == sorted(seen)
        assert sorted("".join(s.text for s in tree.prefix(node)) for node in ended(tree)) == sorted(finished)


@pytest.mark.parametrize("seed", range(10))
def test_dvts_ends_where_a_greedy_walk_by_the_scores_ends(seed):
    table, scores = _random_world(seed)
    evaluator = ScriptedEvaluator(lambda problem, prefix: scores["".join(step.text for step in prefix)])
    for n, m in ((3, 3), (6, 3)):
        tree = run(DiverseTreeSearch(TABLE_PROBLEM, WaveConfig(n, m, 5), 0), TableProposer(table), evaluator)
        text, seen, is_open = "", [], True
        while is_open and table.get(text):
            candidates = table[text][:m]
            seen += [text + step.text for step in candidates]
            best = max(candidates, key=lambda step: scores[text + step.text])
            text, is_open = text + best.text, not best.is_final
        assert sorted(texts(tree)) == sorted(seen * (n // m))


def searches_of(kind, count=6):
    problems = [sum_problem(4 + index % 3, index) for index in range(count)]
    if kind is WholeSolutions:
        return [WholeSolutions(problem, 6, 8, 3, scored=True) for problem in problems]
    return [kind(problem, WaveConfig(6, 2, 8), 3) for problem in problems]


def answer_in_any_order(search: Searcher, rng) -> None:
    """A driver that answers one question at a time, drawn at random."""
    open_questions: list[ProposeRequest | ScoreRequest] = []
    while not search.done:
        wanted = search.requests()
        open_questions += [*wanted.propose, *wanted.score]
        question = open_questions.pop(int(rng.integers(len(open_questions))))
        if isinstance(question, ProposeRequest):
            search.feed_proposals(question.key, SUM.propose([question])[0])
        else:
            search.feed_score(question.key, SUM_EVALUATOR.score([question])[0])


@pytest.mark.parametrize("kind", [BeamSearch, DiverseTreeSearch, WholeSolutions])
def test_no_driver_changes_a_tree(kind):
    trees = []
    for slots in (1, 4, 64):
        searches = searches_of(kind)
        search_lockstep(searches, SUM, SUM_EVALUATOR, slots=slots)
        trees.append([json.dumps(encode(search.tree)) for search in searches])
    for seed in range(5):
        searches = searches_of(kind)
        for search in searches:
            answer_in_any_order(search, np.random.default_rng(seed))
        trees.append([json.dumps(encode(search.tree)) for search in searches])
    assert len(set(map(tuple, trees))) == 1
    assert len(set(trees[0])) == len(trees[0]), "problems with one seed between them have trees of their own"


@pytest.mark.parametrize("kind", [BeamSearch, DiverseTreeSearch, WholeSolutions])
def test_trees_are_stored_read_and_shown_like_any_other(kind, tmp_path):
    searches = searches_of(kind)
    search_lockstep(searches, SUM, SUM_EVALUATOR)
    assert any(ended(search.tree) for search in searches), "else the visits below say little"
    write_trees(tmp_path / "trees.jsonl.gz", [search.tree for search in searches])
    for search, again in zip(searches, read_trees(tmp_path / "trees.jsonl.gz"), strict=True):
        assert encode(again) == encode(search.tree)
        assert render_tree(again) is not None
        tree = search.tree
        # Visits: the values backed up from the solutions at or below a node, and its own score as a first one.
        for node in range(len(tree)):
            values = [tree.score[end] for end in ended(tree) if node in (0, *tree.path(end))]
            is_scored = not math.isnan(tree.score[node]) and not tree.step(node).is_final
            values += [tree.score[node]] if is_scored else []
            assert tree.visits[node] == len(values)
            assert tree.value_sum[node] == pytest.approx(sum(values))


def test_whole_solutions_are_nested_by_their_seeds():
    few, many = (WholeSolutions(sum_problem(5), count, 8, 0, scored=True) for count in (3, 9))
    search_lockstep([few, many], SUM, SUM_EVALUATOR)
    read = [[s.tree.prefix(end) if end else None for end in s.ends] for s in (few, many)]
    assert read[0] == read[1][:3]
    assert len(read[1]) == 9


def test_whole_solutions_share_beginnings_and_keep_their_order():
    continuations = [[Step("a"), Step("x", is_final=True)], [Step("b")], [], [Step("a"), Step("x", is_final=True)]]

    class Fixed:
        def propose(self, requests):
            return [[tuple(continuations[r.key - 1])] if continuations[r.key - 1] else [] for r in requests]

    search = WholeSolutions(TABLE_PROBLEM, 4, 8, 0, scored=True)
    tree = run(search, Fixed(), ScriptedEvaluator(lambda problem, prefix: 0.25 * len(prefix)))
    assert texts(tree) == ["a", "b", "ax"]
    assert search.ends == [3, 2, None, 3]
    assert (tree.dead_ends, ended(tree)) == ({2}, [3])
    assert tree.prior[1] == pytest.approx(2 / 3)
    assert [tree.score[node] for node in (1, 3)] == [0.25, 0.5]
    assert search.stats.duplicates == 1


def test_without_a_ppm_whole_solutions_ask_for_no_scores():
    search = WholeSolutions(sum_problem(5), 4, 8, 0, scored=False)
    search_lockstep([search], SUM)
    assert not search.needs_evaluator
    assert all(map(math.isnan, search.tree.score))


@pytest.mark.parametrize("kind", [BeamSearch, DiverseTreeSearch, WholeSolutions])
def test_a_policy_that_says_nothing_valid_ends_the_search(kind):
    (search, *_) = searches_of(kind)
    search_lockstep([search], TableProposer({}), SUM_EVALUATOR)
    assert search.done
    assert (len(search.tree), search.tree.dead_ends) == (1, {0})
    assert solution_of(search.tree, Aggregation.LAST) is None


def test_a_path_that_is_too_long_is_a_dead_end_and_costs_no_score():
    endless = ScriptedEvaluator(lambda problem, prefix: 0.0)
    for kind in (BeamSearch, DiverseTreeSearch):
        search = kind(Problem("p", "?", ""), WaveConfig(2, 2, max_depth=2), 0)
        tree = run(search, TableProposer({"": [Step("a")], "a": [Step("a")]}), endless)
        assert (texts(tree), tree.dead_ends) == (["a", "aa"], {2})
        assert math.isnan(tree.score[2])


def test_a_score_out_of_range_is_refused():
    with pytest.raises(UserError, match="scores must lie in"):
        run(BeamSearch(TABLE_PROBLEM, WaveConfig(2), 0), evaluator=ScriptedEvaluator(lambda problem, prefix: 1.5))


@pytest.mark.parametrize("name", ["candidates", "width", "max_depth"])
def test_bad_sizes_are_named(name):
    with pytest.raises(ValueError, match=f"{name} must lie between 1 and 65535, got 0"):
        WaveConfig(**({"candidates": 4} | {name: 0}))


def test_shares_are_nearly_equal_and_add_up():
    assert shares(7, 3) == [3, 2, 2]
    assert shares(2, 3) == [1, 1, 0]
