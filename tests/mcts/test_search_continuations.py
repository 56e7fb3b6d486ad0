"""Whole continuations as candidates: trees worked out on paper, and a plain implementation that inserts whole paths."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcts.config import Backup, Expansion, Mode, Rule, SearchConfig, Simulation
from mcts.scripted import ScriptedEvaluator, ScriptedProposer
from mcts.search import Search
from mcts.step import ProposeRequest, ScoreRequest, Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem
from tasks.seeding import derive_seed
from tests.mcts.puzzles import (
    SUM_VERIFIER,
    TABLE_VERIFIER,
    run,
    search_table,
    statistics,
    sum_draw,
    sum_problem,
)


def search_whole(**options) -> Search:
    return search_table(expansion=Expansion.CONTINUATION, **options)


class Answers:
    """Hands out continuations written as words of letters, by the text of the prefix; a capital letter is final."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers, self.asked = answers, []

    def propose(self, requests):
        texts = ["".join(step.text for step in request.prefix) for request in requests]
        self.asked += texts
        return [
            [tuple(Step(letter, is_final=letter.isupper()) for letter in word) for word in self.answers.get(text, [])]
            for text in texts
        ]


class Right:
    """A verifier for which solutions that end in R are right."""

    def verify(self, problem, text):
        return TABLE_VERIFIER.verify(problem, "ay" if text[-1] == "R" else "")


def grown(answers: dict[str, list[str]], **options) -> tuple[SearchTree, Answers, Search]:
    proposer = Answers(answers)
    config = SearchConfig(expansion=Expansion.CONTINUATION, **options)
    search = Search(Problem("w", "?", ""), config, 0, Right())
    return run(search, proposer), proposer, search


def test_each_candidate_brings_a_verdict_to_its_whole_path():
    # The root's candidates are a x and b c z: -1 and +1, each for every node on its path.
    search = search_whole(rollouts=1)
    assert statistics(search.tree) == {
        "": (2, 0.0), "a": (1, -1.0), "b": (1, 1.0), "ax": (1, -1.0), "bc": (1, 1.0), "bcz": (1, 1.0),
    }  # fmt: skip
    assert search.stats.verdicts == {Outcome.CORRECT: 1, Outcome.WRONG: 1}
    assert search.stats.expansions == 1


def test_a_node_that_a_path_runs_through_is_expanded_when_a_rollout_comes_to_it():
    # 2: a -1 + 10 sqrt(ln 2) = 7.3 against b 9.3: b is expanded: c z again, nothing new; so is c, and z is backed up.
    # 3: a -1 + 10 sqrt(ln 3) = 9.5 against b 1 + 10 sqrt(ln 3 / 2) = 8.4: a is expanded: x is known, y is new.
    search = search_whole(rollouts=3, c=10.0)
    assert statistics(search.tree) == {
        "": (4, 2.0), "a": (2, 0.0), "b": (2, 2.0), "ax": (1, -1.0), "ay": (1, 1.0), "bc": (2, 2.0), "bcz": (2, 2.0),
    }  # fmt: skip
    assert search.stats.duplicates == 3
    priors = {search.tree.step(n).text: search.tree.prior[n] for n in range(1, len(search.tree))}
    assert priors == {"a": 1 / 2, "b": 1 / 2, "c": 1, "z": 1, "x": 2 / 3, "y": 1 / 3}  # x was sampled twice


def test_shared_beginnings_are_shared_nodes():
    tree, proposer, search = grown({"": ["abX", "acR", "abX", "dR", "abR"]}, rollouts=1)
    assert statistics(tree) == {
        "": (4, 2.0), "a": (3, 1.0), "d": (1, 1.0),
        "dR": (1, 1.0), "ab": (2, 0.0), "ac": (1, 1.0), "abX": (1, -1.0), "abR": (1, 1.0), "acR": (1, 1.0),
    }  # fmt: skip
    assert {tree.trajectory(n).text: tree.prior[n] for n in range(1, len(tree))} == {
        "a": 4 / 5, "d": 1 / 5, "ab": 3 / 4, "ac": 1 / 4, "dR": 1, "abX": 2 / 3, "abR": 1 / 3, "acR": 1,
    }  # fmt: skip
    assert (search.stats.candidates, search.stats.duplicates, search.stats.verdicts.total()) == (5, 1, 4)
    assert proposer.asked == [""]


def test_without_merging_every_candidate_has_a_path_of_its_own():
    tree, _, search = grown({"": ["abX", "abX", "aR"]}, rollouts=1, merge_duplicates=False)
    assert [tree.trajectory(n).text for n in tree.terminals()] == ["aR", "abX", "abX"]
    assert (len(tree), search.stats.duplicates, tree.visits[0], tree.value_sum[0]) == (9, 0, 3, -1.0)


def test_what_did_not_end_stays_for_later_rollouts():
    # 1: a b did not end and brings no value, c X does. 2: a is new, so it is expanded: nothing comes; then b is.
    tree, proposer, _ = grown({"": ["ab", "cX"], "ab": ["R"]}, rollouts=2)
    assert proposer.asked == ["", "a", "ab"]
    assert statistics(tree) == {
        "": (2, 0.0), "a": (1, 1.0), "c": (1, -1.0), "ab": (1, 1.0), "abR": (1, 1.0), "cX": (1, -1.0),
    }  # fmt: skip
    assert not tree.dead_ends


def test_a_path_that_is_too_long_is_a_dead_end_and_so_is_a_node_without_any_step():
    tree, _, _ = grown({"": ["ab", "c"]}, rollouts=2, max_depth=2)
    # 1: b is too deep: -1. 2: c is new and has no continuation: -1.
    assert statistics(tree) == {"": (2, -2.0), "a": (1, -1.0), "c": (1, -1.0), "ab": (1, -1.0)}
    assert {tree.trajectory(n).text for n in tree.dead_ends} == {"ab", "c"}


def test_ppm_scores_are_start_values_along_the_path():
    tree = search_whole(rollouts=1, mode=Mode.PPM_AUGMENTED).tree
    assert statistics(tree) == {
        "": (2, 0.0), "a": (2, -0.5), "b": (2, 0.5), "ax": (1, -1.0), "bc": (2, 1.25), "bcz": (1, 1.0),
    }  # fmt: skip


def test_inference_values_the_ends_by_the_ppm():
    tree = search_whole(rollouts=1, mode=Mode.INFERENCE).tree
    assert statistics(tree) == {
        "": (2, -0.125), "a": (2, 0.625), "b": (2, -0.75), "ax": (1, 0.125), "bc": (2, 0.0), "bcz": (1, -0.25),
    }  # fmt: skip
    assert tree.verdicts == {}


def test_maximum_and_discount():
    best, _, _ = grown({"": ["abX", "acR"]}, rollouts=1, backup=Backup.MAX)
    assert statistics(best) == {
        "": (2, 2.0), "a": (2, 2.0), "ab": (1, -1.0), "ac": (1, 1.0), "abX": (1, -1.0), "acR": (1, 1.0),
    }  # fmt: skip
    shrunk, _, _ = grown({"": ["abR", "X"]}, rollouts=1, discount=0.5)
    assert statistics(shrunk) == {
        "": (2, -0.375), "X": (1, -1.0), "a": (1, 0.25), "ab": (1, 0.5), "abR": (1, 1.0),
    }  # fmt: skip


class Plain:
    """A node that is linked to others; whole paths are inserted at once, and ``values`` are kept one by one."""

    def __init__(self, parent, step):
        self.parent, self.step, self.children = parent, step, []
        self.values, self.passed, self.end, self.score, self.expanded = [], 0, None, None, False

    def prefix(self):
        return () if self.parent is None else (*self.parent.prefix(), self.step)

    def back_up(self, value, discount):
        self.values.append(value)
        if self.parent is not None:
            self.parent.back_up(value * discount, discount)

    def start(self):
        return [self.score] if self.score is not None and not self.step.is_final else []

    def n(self):
        return len(self.values) + len(self.start())

    def q(self, config):
        if config.backup is Backup.MAX and self.values:
            return max(self.values)
        return (sum(self.start()) + sum(self.values)) / self.n()

    def best(self, config):
        def rank(child):
            share = child.passed / sum(other.passed for other in self.children)
            total = max(1, self.n())
            if child.n() == 0 and config.rule is not Rule.RSTAR_RELEASED:
                return math.inf
            if config.rule is Rule.PUCT:
                return child.q(config) + config.c * math.sqrt(total) * share / (1 + child.n())
            return child.q(config) + config.c * math.sqrt(math.log(total) / child.n()) if child.n() else 0.0

        return max(self.children, key=rank)  # the first of equals

    def every(self):
        return [self, *(node for child in self.children for node in child.every())]


# In eighths, so that no sum depends on its order: the two implementations add up in different ones.
EIGHTHS = ScriptedEvaluator(lambda problem, prefix: 1 - abs(sum(int(step.text) for step in prefix) - 5) / 8)


class ByPrefix:
    """A policy whose draws depend on the prefix alone, so that it does not matter how nodes are numbered."""

    def __init__(self, seed):
        self.seed = seed

    def propose(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        rng = np.random.default_rng(derive_seed(self.seed, "".join(step.text for step in request.prefix)))
        return ScriptedProposer(lambda problem, prefix, _: sum_draw(problem, prefix, rng)).propose([request])[0]


def plain_expand(node: Plain, problem: Problem, config: SearchConfig, answer) -> list[Plain]:
    """Insert the candidates' paths; returns the new ends."""
    limit = config.max_depth - len(node.prefix())
    new = []
    for continuation in answer(ProposeRequest(0, problem, node.prefix(), config.width, limit, 0)):
        at = node
        for step in continuation:
            names = {(child.step.text, child.step.is_final): child for child in at.children}
            if (step.text, step.is_final) not in names:
                names[step.text, step.is_final] = Plain(at, step)
                at.children.append(names[step.text, step.is_final])
                new.append(at.children[-1])
            at = names[step.text, step.is_final]
            at.passed += 1
    for leaf in new:
        prefix = leaf.prefix()
        if leaf.step.is_final and config.mode is not Mode.INFERENCE:
            leaf.end = 2 * SUM_VERIFIER.verify(problem, "".join(step.text for step in prefix)).reward - 1
        elif not leaf.step.is_final and len(prefix) == config.max_depth:
            leaf.end = -1.0
        elif config.mode is not Mode.TERMINAL_GUIDED:
            leaf.score = EIGHTHS.score([ScoreRequest(0, problem, prefix)])[0]
            leaf.end = leaf.score if leaf.step.is_final else None
    node.expanded = True
    return [leaf for leaf in new if leaf.end is not None]


def plain_search(problem: Problem, config: SearchConfig, answer) -> Plain:
    root = Plain(None, None)
    for _ in range(config.rollouts):
        node = root
        while True:
            while node.expanded and node.end is None:
                node = node.best(config)
            ended = [node]
            if node.end is None:
                ended = plain_expand(node, problem, config, answer)
                if not node.children:
                    node.end = -1.0
                    ended = [node]
            for end in ended:
                end.back_up(end.end, config.discount)
            if ended:
                break
    return root


@settings(max_examples=150)
@given(
    st.builds(
        SearchConfig,
        mode=st.sampled_from(list(Mode)),
        rule=st.sampled_from(list(Rule)),
        backup=st.sampled_from(list(Backup)),
        expansion=st.just(Expansion.CONTINUATION),
        simulation=st.just(Simulation.TREE),
        rollouts=st.integers(1, 25),
        width=st.integers(1, 5),
        max_depth=st.integers(1, 6),
        discount=st.sampled_from([1.0, 0.5]),
        c=st.sampled_from([0.3, 1.1, 2.0]),
    ),
    st.integers(0, 2**31),
)
def test_the_plain_implementation_grows_the_same_tree(config, seed):
    search = Search(sum_problem(5), config, 0, None if config.mode is Mode.INFERENCE else SUM_VERIFIER)
    tree = run(search, ByPrefix(seed), EIGHTHS)
    root = plain_search(sum_problem(5), config, ByPrefix(seed).answer)

    def name(prefix):
        return tuple((step.text, step.is_final) for step in prefix)

    found = {name(tree.prefix(n)): (tree.visits[n], tree.q(n), tree.prior[n]) for n in range(len(tree))}
    plain = {name(node.prefix()): node for node in root.every()}
    assert len(found) == len(tree)
    assert set(found) == set(plain)
    for key, node in plain.items():
        share = node.passed / sum(child.passed for child in node.parent.children) if node.parent else 1.0
        q = node.q(config) if node.n() else 0.0
        assert found[key] == (node.n(), pytest.approx(q, abs=1e-9), pytest.approx(share))
