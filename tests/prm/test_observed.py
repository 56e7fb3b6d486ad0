"""Observations on their way through trees, files, scorers and pairs: read everywhere, and always told apart."""

from __future__ import annotations

import json

import pytest

from mcts.step import ScoreRequest, Step, joined, observed
from mcts.trajectory import solution_text
from mcts.tree import SearchTree
from mcts.tree_json import MalformedTreeError, decode, encode
from prm.pair_file import read_pairs, write_pairs
from prm.pairs import PairConfig, PairKind, select_pairs
from prm.scorer import row_of
from prm.train import pair_rows
from tasks.errors import DataError
from tasks.problem import Outcome, Problem, Verdict

PRINTS = Step("print(1)\n", (1, 2), (-1.0, -1.0), observation=">>> 1\n", observation_ids=(90, 91))
OTHER = Step("print(2)\n", (1, 3), (-1.0, -1.0), observation=">>> 2\n", observation_ids=(92,))
SILENT = Step("a=1\n", (4,), (-1.0,))
RIGHT, WRONG = (Step(f"The answer is {n}", (5, n), (-1.0, -1.0), is_final=True) for n in (6, 7))


def grown(with_output: bool = True) -> SearchTree:
    """Two steps that print, below each an end."""
    tree = SearchTree(Problem("p", "q", "6"))
    first = (PRINTS, OTHER) if with_output else (SILENT, Step("b=1\n", (8,), (-1.0,)))
    tree.add_children(0, first, [0.5, 0.5])
    for node, end, verdict, value in (
        (1, RIGHT, Verdict(Outcome.CORRECT, 1.0), 1.0),
        (2, WRONG, Verdict(Outcome.WRONG, 0.0), -1.0),
    ):
        (leaf,) = tree.add_children(node, [end], [1.0])
        tree.verdicts[leaf] = verdict
        tree.back_up_mean(leaf, value)
    return tree


def test_context_is_the_steps_with_their_observations_and_text_is_without():
    steps = (PRINTS, SILENT, OTHER, RIGHT)
    assert joined(steps) == (1, 2, 90, 91, 4, 1, 3, 92, 5, 6)
    assert observed(steps) == ((2, 4), (7, 8))
    assert solution_text(steps) == "print(1)\na=1\nprint(2)\nThe answer is 6"
    assert observed(()) == observed((SILENT, RIGHT)) == ()


def test_a_tree_keeps_observations_and_their_ids():
    tree = grown()
    row = json.loads(json.dumps(encode(tree)))
    assert row["observation_ids"] == [[], [90, 91], [92], [], []]
    back = decode(row)
    assert back.steps == tree.steps
    assert [one.token_ids for one in back.trajectories()] == [(1, 2, 5, 6), (1, 3, 5, 7)]  # the sampled ones alone


def test_a_tree_without_any_is_written_as_before_and_older_ones_are_read():
    row = encode(grown(with_output=False))
    assert "observation_ids" not in row
    older = json.loads(json.dumps(row)) | {"observation_ids": None}  # as a reader that unites columns may put it
    assert decode(older).steps == decode(row).steps == grown(with_output=False).steps


@pytest.mark.parametrize("bad", [[[]], "x", [[], [-1], [], [], []], [[], [1.5], [], [], []], [[], 3, [], [], []]])
def test_ids_that_are_none_are_refused(bad):
    row = json.loads(json.dumps(encode(grown()))) | {"observation_ids": bad}
    with pytest.raises(MalformedTreeError, match="observation_ids"):
        decode(row)


def test_the_process_model_reads_what_the_last_step_printed():
    request = ScoreRequest(0, Problem("p", "q", ""), (SILENT, PRINTS))
    assert row_of(request, lambda text: (7, 7)) == (7, 7, 4, 1, 2, 90, 91)


def test_pairs_hold_outputs_and_say_which_ids_they_are(tmp_path):
    tree = grown()
    step, whole = sorted(
        select_pairs(tree, PairConfig(min_edit_distance=1)).pairs, key=lambda pair: pair.kind is PairKind.FINAL_STEP
    )
    assert (step.chosen, step.chosen_given) == ((1, 2, 90, 91), ((2, 4),))
    assert (step.rejected, step.rejected_given) == ((1, 3, 92), ((2, 3),))
    assert (whole.chosen, whole.chosen_given) == ((1, 2, 90, 91, 5, 6), ((2, 4),))
    assert pair_rows(step, lambda text: (7,)) == ((7, 1, 2, 90, 91), (7, 1, 3, 92))
    write_pairs(tmp_path / "pairs.jsonl", [step, whole])
    assert read_pairs(tmp_path / "pairs.jsonl") == [step, whole]


def test_pairs_without_outputs_are_written_as_before(tmp_path):
    write_pairs(tmp_path / "pairs.jsonl", select_pairs(grown(with_output=False), PairConfig(min_edit_distance=1)).pairs)
    assert b"given" not in (tmp_path / "pairs.jsonl").read_bytes()


@pytest.mark.parametrize("bad", ["x", [[0]], [[2, 1]], [[0, 9]], [[0, 2], [2, 4]], [[0, 4]], [[0, True]]])
def test_stretches_that_are_none_are_refused(tmp_path, bad):
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, select_pairs(grown(), PairConfig(min_edit_distance=1, final_step=False)).pairs)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chosen_given": bad}) + "\n")
    with pytest.raises(DataError, match=r"pairs.jsonl:1: chosen_given must be stretches of the ids of chosen"):
        read_pairs(path)
