"""What the reports say of the trees: by hand, and that one tree at a time is the same as all together."""

import json
import math
from collections import Counter

import numpy as np
import pytest

from evolve.figures import Calibration, Distributions, critical_rows, outcomes_below
from mcts.config import Mode, SearchConfig
from mcts.criticality import most_critical, rank
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict
from tests.mcts.puzzles import SUM, SUM_EVALUATOR, run, search_sum


def made():
    """a (score 0.5) leads to x (right), y (wrong), z (unverifiable); b (-0.9) to w (right); c (1.0) nowhere."""
    tree = SearchTree(Problem("p", "?", ""))
    tree.add_children(0, [Step("a"), Step("b"), Step("c")], [1.0] * 3)
    tree.add_children(1, [Step(text, is_final=True) for text in "xyz"], [1.0] * 3)
    tree.add_children(2, [Step("w", is_final=True)], [1.0])
    for node, score in ((1, 0.5), (2, -0.9), (3, 1.0)):
        tree.set_score(node, score, pseudo_visit=True)
    ends = {4: Outcome.CORRECT, 5: Outcome.WRONG, 6: Outcome.UNVERIFIABLE, 7: Outcome.CORRECT}
    for node, outcome in ends.items():
        tree.verdicts[node] = Verdict(outcome, float(outcome is Outcome.CORRECT))
        tree.back_up_mean(node, 1.0 if outcome is Outcome.CORRECT else -1.0)
    return tree


def test_outcomes_are_means_over_the_ends_below():
    np.testing.assert_allclose(outcomes_below(made()), [0, -1 / 3, 1, np.nan, 1, -1, -1, 1])


def test_calibration_holds_the_score_against_the_ends_and_not_against_q():
    calibration = Calibration()
    assert calibration.as_json() == {"bins": [], "error": None}
    calibration.add(made())
    assert calibration.as_json() == {
        "bins": [[1, -0.9, 1.0], [1, 0.5, -0.333333]],  # c has no end below it, x to w end the path themselves
        "error": pytest.approx((1.9 + 0.5 + 1 / 3) / 2, abs=1e-6),
    }
    calibration.add(made())
    assert [row[0] for row in calibration.as_json()["bins"]] == [2, 2]


def test_a_model_that_says_how_it_ends_has_no_error():
    tree = made()
    tree.score[1], tree.score[2] = -1 / 3, 1.0
    calibration = Calibration()
    calibration.add(tree)
    assert calibration.as_json()["error"] == 0


def test_distributions_count_every_visited_and_every_scored_step():
    distributions = Distributions()
    distributions.add(made())
    found = distributions.as_json()
    # Q: a (0.5 - 1) / 4, b (-0.9 + 1) / 2, c 1, the ends 1, -1, -1, 1; bins are 0.1 wide
    assert {at: count for at, count in enumerate(found["q"]) if count} == {0: 2, 8: 1, 10: 1, 19: 3}
    assert {at: count for at, count in enumerate(found["score"]) if count} == {1: 1, 15: 1, 19: 1}
    unvisited = SearchTree(Problem("p", "?", ""))
    unvisited.add_children(0, [Step("a")], [1.0])
    distributions.add(unvisited)
    assert distributions.as_json() == found


def test_searched_trees_add_up_to_plain_numbers():
    config = SearchConfig(mode=Mode.PPM_AUGMENTED, rollouts=16, width=4, max_depth=5)
    trees = [run(search_sum(config, seed=seed, index=seed), SUM, SUM_EVALUATOR) for seed in range(5)]
    distributions, calibration = Distributions(), Calibration()
    for tree in trees:
        distributions.add(tree)
        calibration.add(tree)
    found = distributions.as_json()
    assert sum(found["q"]) == sum(visits > 0 for tree in trees for visits in tree.visits[1:])
    assert sum(found["score"]) == sum(not math.isnan(score) for tree in trees for score in tree.score)
    gaps = []
    for tree in trees:
        for node in range(1, len(tree)):
            ends = [v.reward * 2 - 1 for leaf, v in tree.verdicts.items() if node in tree.path(leaf)[:-1]]
            if ends and not math.isnan(tree.score[node]):
                gaps.append((tree.score[node], sum(ends) / len(ends)))
    judged = calibration.as_json()
    assert sum(count for count, _, _ in judged["bins"]) == len(gaps) > 20
    weighted = sum(count * score for count, score, _ in judged["bins"])
    assert weighted == pytest.approx(sum(score for score, _ in gaps), abs=1e-4)
    rows = critical_rows(most_critical(trees, 4), [0, 1, 0, 2, 0])
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    ranks = [rank(row["delta"], row["visits"]) for row in rows]
    assert ranks == sorted(ranks, reverse=True)
    steps = most_critical(trees, 40)
    rows = critical_rows(steps, [0, 1, 0, 2, 0], lambda step: step.node % 2 == 0)
    alike = Counter((step.text, step.delta < 0) for step in steps)
    assert len({(row["text"], row["delta"] < 0) for row in rows}) == len(rows)
    assert [row["alike"] for row in rows] == [alike[row["text"], row["delta"] < 0] for row in rows]
    assert max(alike.values()) > 1
    assert [row["is_right"] for row in rows] == [row["node"] % 2 == 0 for row in rows]
    numbers = {tree.problem.id: number for tree, number in zip(trees, [0, 1, 0, 2, 0], strict=True)}
    assert all(row["tree"] == numbers[row["problem_id"]] for row in rows)
