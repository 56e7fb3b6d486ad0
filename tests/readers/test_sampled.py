"""Rows of sampled solutions."""

from __future__ import annotations

import pytest

from tasks.errors import DataError
from tasks.readers.sampled import SampledSolutions, read_sampled
from tests.readers.test_step_labels import write

ROW = {
    "question": "1+1?",
    "response": ["a", "b"],
    "pred": ["2", None],
    "score": [True, False],
    "pred_score": [[3.5], [1]],
    "level": "Level 1",
}


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


def test_rows_are_read(tmp_path):
    assert read_sampled(write(tmp_path / "a.jsonl", ROW)) == [
        SampledSolutions("1+1?", ("a", "b"), ("2", None), (True, False), (3.5, 1.0))
    ]
    (plain,) = read_sampled(write(tmp_path / "b.jsonl", without(ROW, "pred_score") | {"pred": ["", "2"]}))
    assert (plain.scores, plain.answers) == (None, (None, "2"))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (without(ROW, "question"), "'question' is missing"),
        (ROW | {"score": [1, 0]}, "'score' must be a list of true and false"),
        (ROW | {"score": [True]}, "'score' has 1 entries for 2 solutions"),
        (ROW | {"pred": ["2"]}, "'pred' has 1 entries for 2 solutions"),
        (ROW | {"pred": [2, 3]}, "'pred' must be a list of texts or null"),
        (ROW | {"pred_score": [[1.0, 2.0], [1]]}, "'pred_score' must hold a number a solution"),
        (ROW | {"response": [], "pred": [], "score": [], "pred_score": []}, "'response' is empty"),
        (without(ROW, "pred_score"), "'pred_score' must be in all rows"),
        (ROW | {"response": ["a"], "pred": ["2"], "score": [True], "pred_score": [1]}, "there are 1 solutions, and 2"),
    ],
)
def test_a_broken_row_is_named(tmp_path, row, sentence):
    with pytest.raises(DataError, match=rf"a\.jsonl:2: .*{sentence}"):
        read_sampled(write(tmp_path / "a.jsonl", ROW, row))


def test_an_empty_file_is_named(tmp_path):
    with pytest.raises(DataError, match="there is no problem"):
        read_sampled(write(tmp_path / "a.jsonl"))
