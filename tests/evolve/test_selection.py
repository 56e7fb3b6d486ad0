"""Which trajectories are taken from trees made by hand, and which solution a judged search answers with."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evolve.config import SelectBy, SelectionConfig
from evolve.evaluation import without_answer
from evolve.selection import best_trajectories, lucky_share, read_sft_rows, write_sft
from mcts.step import Step
from mcts.tree import SearchTree
from mcts.votes import Aggregation, solution_of
from tasks.errors import DataError
from tasks.problem import Outcome, Problem, Verdict
from tasks.suites.chain_oracle import ChainOracle

PROBLEM = Problem("chain/0/train-0", "7 +5 *3 mod 10\n", "6", {"level": 2})
RIGHT = ("7+5=2\n", "2*3=6\n", "#### 6")


def tree_of(*solutions, problem=PROBLEM):
    """A tree in which each solution is a path of its own: its steps' texts, their Qs (or scores), its outcome."""
    tree = SearchTree(problem)
    firsts = [Step(texts[0], tuple(texts[0].encode()), is_final=len(texts) == 1) for texts, _, _ in solutions]
    nodes = tree.add_children(0, firsts, [1 / len(solutions)] * len(solutions))
    for node, (texts, qs, outcome) in zip(nodes, solutions, strict=True):
        last = node
        _give(tree, last, qs[0])
        for number, text in enumerate(texts[1:], start=1):
            is_final = number == len(texts) - 1
            (last,) = tree.add_children(last, [Step(text, tuple(text.encode()), is_final=is_final)], [1.0])
            _give(tree, last, qs[number])
        if outcome is not None:
            tree.verdicts[last] = Verdict(outcome, float(outcome is Outcome.CORRECT))
    return tree


def _give(tree, node, q):
    tree.visits[node] = 4
    tree.value_sum[node] = 4 * q
    tree.score[node] = q


def texts_of(trajectories):
    return [trajectory.text for trajectory in trajectories]


def right(qs, *texts):
    return texts, qs, Outcome.CORRECT


def test_the_best_correct_ones_by_mean_q():
    tree = tree_of(
        right((0.2, 0.4), "a", "1"),
        right((0.9, 0.7), "b", "2"),
        right((0.5, 0.5), "c", "3"),
        (("d", "4"), (1.0, 1.0), Outcome.WRONG),
        (("e", "5"), (1.0, 1.0), Outcome.UNVERIFIABLE),
        (("f", "6"), (1.0, 1.0), None),
    )
    assert texts_of(best_trajectories([tree], SelectionConfig(top=2))) == ["b2", "c3"]
    assert texts_of(best_trajectories([tree], SelectionConfig(top=9))) == ["b2", "c3", "a1"]
    assert best_trajectories([tree], SelectionConfig(top=1))[0].mean_q == pytest.approx(0.8)


def test_ties_of_the_mean_go_to_the_better_weakest_step_then_to_the_text():
    tree = tree_of(right((1.0, 0.0), "a", "1"), right((0.5, 0.5), "z", "2"), right((0.5, 0.5), "b", "3"))
    assert texts_of(best_trajectories([tree], SelectionConfig(top=3))) == ["b3", "z2", "a1"]


def test_by_lot_the_correct_ones_or_any_that_ended_whatever_their_q():
    solutions = [right((q, q), name, "1") for name, q in zip("abcdefgh", np.linspace(0, 1, 8), strict=True)]
    tree = tree_of(*solutions, (("x", "2"), (0.5, 0.5), Outcome.WRONG), (("y", "3"), (0.5, 0.5), Outcome.UNVERIFIABLE))
    by_lot = SelectionConfig(by=SelectBy.REJECTION, top=8)
    drawn = [texts_of(best_trajectories([tree], by_lot, seed)) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert set(drawn[0]) == set(drawn[2]) == {f"{name}1" for name in "abcdefgh"}
    assert drawn[0] != texts_of(best_trajectories([tree], SelectionConfig(top=8)))
    anything = texts_of(best_trajectories([tree], SelectionConfig(by=SelectBy.RANDOM, top=99)))
    assert set(anything) == {*drawn[0], "x2"}


def test_a_weak_step_keeps_a_trajectory_out():
    tree = tree_of(right((1.0, -0.25), "a", "1"), right((0.1, 0.1), "b", "2"))
    assert texts_of(best_trajectories([tree], SelectionConfig(top=2, min_q=0.0))) == ["b2"]
    assert texts_of(best_trajectories([tree], SelectionConfig(top=2, min_q=-0.25))) == ["a1", "b2"]


def test_one_text_counts_once_over_all_trees_with_its_better_qs():
    first = tree_of(right((0.1, 0.1), "ab", "c"), right((0.2, 0.2), "x", "y"))
    second = tree_of(right((0.9, 0.9), "a", "bc"))  # the same text cut elsewhere
    (best, other) = best_trajectories([first, second], SelectionConfig(top=3))
    assert (best.text, len(best.steps), best.mean_q) == ("abc", 2, pytest.approx(0.9))
    assert other.text == "xy"
    assert texts_of(best_trajectories([second, first], SelectionConfig(top=1))) == ["abc"]


def test_nothing_correct_gives_nothing():
    assert best_trajectories([tree_of((("d", "4"), (1.0, 1.0), Outcome.WRONG))], SelectionConfig()) == []


def test_the_lucky_share_counts_right_answers_through_wrong_steps():
    lucky = ("7+5=4\n", "4*3=6\n", "#### 6")  # two slips that cancel
    tree = tree_of(right((1.0, 1.0, 1.0), *RIGHT), right((0.5, 0.5, 0.5), *lucky))
    chosen = {PROBLEM.id: best_trajectories([tree], SelectionConfig(top=2))}
    assert lucky_share(ChainOracle(), {PROBLEM.id: PROBLEM}, chosen) == 0.5
    chosen[PROBLEM.id] = chosen[PROBLEM.id][:1]
    assert lucky_share(ChainOracle(), {PROBLEM.id: PROBLEM}, chosen) == 0.0
    assert lucky_share(None, {PROBLEM.id: PROBLEM}, chosen) is None
    assert lucky_share(ChainOracle(), {}, {}) is None


def test_the_sampled_token_ids_are_what_is_trained_on(tmp_path):
    tree = tree_of(right((1.0, 1.0, 1.0), *RIGHT))
    write_sft(tmp_path / "sft.jsonl", {PROBLEM.id: PROBLEM}, {PROBLEM.id: best_trajectories([tree], SelectionConfig())})
    (row,) = read_sft_rows(tmp_path / "sft.jsonl", lambda prompt: tuple(prompt.encode()))
    assert row.problem_id == PROBLEM.id
    assert bytes(row.prompt_ids) == PROBLEM.prompt.encode()
    assert bytes(row.target_ids) == "".join(RIGHT).encode()


def test_a_row_without_token_ids_is_named(tmp_path):
    (tmp_path / "sft.jsonl").write_text(json.dumps({"problem_id": "p", "prompt": "?"}) + "\n")
    with pytest.raises(DataError, match=r"sft\.jsonl, line 1: problem_id, prompt and token_ids are needed"):
        read_sft_rows(tmp_path / "sft.jsonl", lambda prompt: ())


@pytest.mark.parametrize(
    ("choose_by", "answer"),
    [(Aggregation.LAST, "a#### 1"), (Aggregation.MIN, "b#### 2"), (Aggregation.MEAN, "c#### 3")],
)
def test_a_search_answers_with_what_the_ppm_scores_highest(choose_by, answer):
    tree = tree_of(
        (("a", "#### 1"), (-0.9, 0.9), None),
        (("b", "#### 2"), (0.3, 0.3), None),
        (("c", "#### 3"), (1.0, 0.2), None),
        (("d",), (-0.5,), None),
    )
    assert solution_of(tree, choose_by) == answer


def test_ties_go_to_more_visits_and_dead_ends_never_answer():
    tree = tree_of((("a", "#### 1"), (0.5, 0.5), None), (("b", "#### 2"), (0.5, 0.5), None), (("c",), (1.0,), None))
    assert solution_of(tree, Aggregation.LAST) == "c"
    tree.dead_ends.add(3)
    assert solution_of(tree, Aggregation.LAST) == "a#### 1"
    tree.visits[5] += 1
    assert solution_of(tree, Aggregation.LAST) == "b#### 2"


def test_a_search_that_ended_nowhere_has_no_answer():
    assert solution_of(SearchTree(PROBLEM), Aggregation.LAST) is None


def test_a_search_without_ground_truth_is_not_shown_the_answer():
    shown = without_answer(PROBLEM)
    assert shown.answer == ""
    assert (shown.id, shown.prompt, shown.meta) == (PROBLEM.id, PROBLEM.prompt, PROBLEM.meta)
