"""Labelled steps from every format to every other and back: the same rows."""

from __future__ import annotations

import json

import pytest

from scripts.convert_labels import main
from tasks.errors import DataError, UserError
from tasks.readers.convert import COLUMN, convert_file, restored, to_row
from tasks.readers.fields import UnusableRow
from tasks.readers.formats import LABELLED, read_labelled
from tasks.readers.labelled import LabelledSolution
from tests.readers.test_step_labels import PRM800K, SHEPHERD, write

ROWS = {
    "processbench": [
        {"id": "gsm8k-0", "generator": "g", "problem": "p", "steps": ["a", "b", "c"], "label": 1, "final": False},
        {"id": "gsm8k-1", "problem": "ü?", "steps": ["a"], "label": -1},
    ],
    "math_shepherd": [SHEPHERD, {**SHEPHERD, "task": "MATH", "extra": [1, {"a": None}]}],
    "prm800k": [
        PRM800K,
        {**PRM800K, "timestamp": "2022", "label": {**PRM800K["label"], "finish_reason": "give_up", "total_time": 7}},
    ],
    "trl_stepwise": [
        {"prompt": "p", "completions": ["a", "b"], "labels": [True, False], "source": "s"},
        {"prompt": [{"role": "user", "content": "hi"}], "completions": ["a"], "labels": [True]},
    ],
    "own": [
        {
            "problem_id": "chain/0/1",
            "prompt": "Step 1: p ки",  # would be cut elsewhere as Math-Shepherd
            "answer": "7",
            "steps": ["a\n", "\n", "c"],
            "labels": [0.25, None, -1.0],
            "token_ids": [[1, 2], [3], [4]],
            "meta": {"method": "monte_carlo_soft", "cost": {"generated": 3}, "nodes": [1, 2, 3]},
        },
        {"problem_id": "", "prompt": "q", "answer": "", "steps": ["a"], "labels": [1], "token_ids": [], "meta": {}},
    ],
}


def rows_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("to", LABELLED)
@pytest.mark.parametrize("form", ROWS)
def test_there_and_back_are_the_same_rows(tmp_path, form, to):
    source = write(tmp_path / "a.jsonl", *ROWS[form])
    solutions = list(read_labelled(source, form))
    said = convert_file(source, form, tmp_path / "b.jsonl", to, right_from=0.0, skip=True)
    assert said.read == len(solutions)
    if not said.left_out:
        back = convert_file(tmp_path / "b.jsonl", to, tmp_path / "c.jsonl", form)
        assert rows_of(tmp_path / "c.jsonl") == ROWS[form]
        assert back.written == len(ROWS[form])
    else:  # what is left out is counted, and what is kept is kept whole
        assert said.written + said.left_out.total() == said.read
        kept = [restored(one, to) for one in read_labelled(tmp_path / "b.jsonl", to)]
        assert kept == [one for one in solutions if one in kept]
        assert len(kept) == said.written


def test_what_is_left_out_is_what_cannot_be_said(tmp_path):
    """So that the test above does not hold because everything is left out."""
    left_out = {}
    for form, rows in ROWS.items():
        source = write(tmp_path / "a.jsonl", *rows)
        for to in LABELLED:
            count = convert_file(source, form, tmp_path / "b.jsonl", to, right_from=0.0, skip=True).left_out.total()
            if count:
                left_out[form, to] = count
    # PRM800K rates steps after steps without a rating; our first row has one in its midst.
    assert left_out == {
        ("prm800k", "processbench"): 6,
        ("prm800k", "math_shepherd"): 4,
        ("prm800k", "trl_stepwise"): 4,
        ("own", "processbench"): 1,
        ("own", "math_shepherd"): 1,
        ("own", "trl_stepwise"): 1,
    }


def test_a_row_of_its_own_format_needs_no_column(tmp_path):
    for form, rows in ROWS.items():
        source = write(tmp_path / "a.jsonl", *rows)
        convert_file(source, form, tmp_path / "b.jsonl", form)
        assert rows_of(tmp_path / "b.jsonl") == rows


def test_steps_get_the_words_that_math_shepherd_cuts_at():
    row = to_row(LabelledSolution("2 + 3?", ("five\n", "done"), (1, -1)), "math_shepherd")
    assert row["input"] == "2 + 3? Step 1: five ки\nStep 2: done ки"
    assert row["label"] == "2 + 3? Step 1: five +\nStep 2: done -"
    (read,) = LABELLED["math_shepherd"](row)
    assert read.labels == (1, -1)


def test_a_first_error_without_labels_behind_it_is_said_shorter():
    one = LabelledSolution("p", ("a", "b", "c"), (1.0, -1.0, None), meta={"id": "x"})
    row = to_row(one, "trl_stepwise")
    assert (row["completions"], row["labels"]) == (["a", "b"], [True, False])
    (read,) = LABELLED["trl_stepwise"](row)
    assert restored(read, "trl_stepwise") == one


def test_a_row_that_was_changed_counts_as_it_stands():
    one = LabelledSolution("p", ("a", "b"), (1.0, 0.5), token_ids=((1,), (2,)))
    row = to_row(one, "trl_stepwise", right_from=0.0)
    assert row["labels"] == [True, True]
    for change in ({"labels": [True, False]}, {"prompt": "q"}, {COLUMN: {"row": {}, "right_from": None}}):
        (read,) = LABELLED["trl_stepwise"](row | change)
        assert restored(read, "trl_stepwise") is read
    (read,) = LABELLED["trl_stepwise"](row)
    assert restored(read, "trl_stepwise") == one


DEGREE = LabelledSolution("p", ("a", "b"), (1.0, 0.2))


@pytest.mark.parametrize(
    ("one", "to", "sentence"),
    [
        (DEGREE, "trl_stepwise", "the label 0.2 of step 1 is none that trl_stepwise knows; say from which label"),
        (DEGREE, "processbench", "the label 0.2 of step 1 is none that processbench knows"),
        (DEGREE, "prm800k", "the label 0.2 of step 1 is none that prm800k knows"),
        (LabelledSolution("p", ("a",), (0.0,)), "math_shepherd", "the label 0.0 of step 0 is none"),
        (LabelledSolution("p", ("a", "b"), (None, 1.0)), "trl_stepwise", "step 0 has no label, and trl_stepwise needs"),
        (LabelledSolution("p", ("a", "b"), (None, 1.0)), "processbench", "leaves open where the first error is"),
        (LabelledSolution("p", ("a",), (None,)), "trl_stepwise", "no step has a label"),
        (LabelledSolution("p ки", ("a",), (1.0,)), "math_shepherd", "holds 'ки'"),
        (LabelledSolution("p", ("a",), (1.0,), meta={"problem_id": 3}), "processbench", "the problem's id is no text"),
    ],
)
def test_what_a_format_cannot_say_is_never_cast(one, to, sentence):
    with pytest.raises(UnusableRow, match=sentence):
        to_row(one, to)


def test_part_of_a_session_is_no_session(tmp_path):
    source = write(tmp_path / "a.jsonl", PRM800K)
    convert_file(source, "prm800k", tmp_path / "b.jsonl", "own")
    lines = (tmp_path / "b.jsonl").read_text("utf-8").splitlines(keepends=True)
    for kept, sentence in ((lines[:-1], "lacks a completion of step 2"), (lines[1:], "the first solution of session")):
        (tmp_path / "c.jsonl").write_text("".join(kept), "utf-8")
        with pytest.raises(DataError, match=sentence):
            convert_file(tmp_path / "c.jsonl", "own", tmp_path / "d.jsonl", "prm800k")
        assert not (tmp_path / "d.jsonl").exists()


def test_the_program(tmp_path, monkeypatch, capsys):
    source = write(tmp_path / "a.jsonl", *ROWS["prm800k"])
    words = ["convert_labels", "--data", str(source), "--from", "prm800k", "--to", "processbench"]
    words += ["--out", str(tmp_path / "b.jsonl")]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="2"):
        main()
    error = capsys.readouterr().err
    assert error.startswith(
        f"error: {source}: solution 1: a step without a label leaves open where the first error is; leave"
    )
    assert not (tmp_path / "b.jsonl").exists()
    monkeypatch.setattr("sys.argv", [*words, "--skip"])
    main()
    said = capsys.readouterr().out
    assert "       8  solutions read\n       2  rows written\n       6  left out: a step without a label" in said


def test_reasons_that_differ_in_numbers_alone_are_counted_together(tmp_path):
    labels = ([0.2, 1], [1, -0.35], [1, -1])
    base = {"problem_id": "", "prompt": "p", "answer": "", "steps": ["a", "b"], "token_ids": [], "meta": {}}
    source = write(tmp_path / "a.jsonl", *({**base, "labels": each} for each in labels))
    found = convert_file(source, "own", tmp_path / "b.jsonl", "prm800k", skip=True)
    reason = "the label ... of step ... is none that prm800k knows; say from which label on a step is right"
    assert (found.written, found.left_out) == (1, {reason: 2})


def test_unknown_and_empty_files_are_named(tmp_path):
    with pytest.raises(UserError, match="the format 'csv' is not known"):
        convert_file(tmp_path / "a", "own", tmp_path / "b", "csv")
    with pytest.raises(DataError, match="there is no labelled solution"):
        convert_file(write(tmp_path / "a.jsonl"), "own", tmp_path / "b", "own")
