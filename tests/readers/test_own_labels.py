"""Our own rows of labelled steps: what is written is read again, and what is broken is named."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import DataError
from tasks.readers.formats import read_labelled, write_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.readers.own_labels import own_row, read_own

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_label = st.none() | st.floats(-1, 1, allow_nan=False)
_ids = st.lists(st.integers(0, 2**31), max_size=4).map(tuple)
_meta = st.dictionaries(_text, st.integers() | _text | st.lists(st.integers()), max_size=3)


@st.composite
def solutions(draw):
    count = draw(st.integers(1, 4))
    fixed = {"min_size": count, "max_size": count}
    steps, labels = draw(st.lists(_text, **fixed)), draw(st.lists(_label, **fixed))
    ids = draw(st.just([]) | st.lists(_ids, **fixed))
    meta = draw(_meta) | draw(st.just({}) | st.just({"problem_id": "chain/0/1"}))
    meta = {name: value for name, value in meta.items() if name != "problem_id" or value}
    return LabelledSolution(draw(_text), tuple(steps), tuple(labels), draw(_text), meta, tuple(ids))


@given(solutions())
def test_nothing_is_lost(solution):
    (again,) = read_own(json.loads(json.dumps(own_row(solution), allow_nan=False)))
    assert again == solution


GOOD = LabelledSolution("1+1?", ("a", "b"), (1.0, None), "2", {"problem_id": "p/1", "cost": {}}, ((1, 2), (3,)))


def test_a_file_holds_one_row_a_line_with_the_id_in_sight(tmp_path):
    path = tmp_path / "labels.jsonl"
    assert write_labelled(path, [GOOD, GOOD]) == 2
    first, second = path.read_text().splitlines()
    assert first == second
    assert json.loads(first) == {
        "problem_id": "p/1",
        "prompt": "1+1?",
        "answer": "2",
        "steps": ["a", "b"],
        "labels": [1.0, None],
        "token_ids": [[1, 2], [3]],
        "meta": {"cost": {}},
    }
    assert list(read_labelled(path, "own")) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [1.0]}, "1 labels do not fit 2 steps"),
        ({"labels": [True, 1]}, "numbers or null, but it holds 'True'"),
        ({"labels": [1.5, 0]}, r"must lie in \[-1, 1\], got 1.5"),
        ({"labels": ["1", 0]}, "numbers or null"),
        ({"token_ids": [[1]]}, "token ids of 1 steps do not fit 2 steps"),
        ({"token_ids": [[1], [True]]}, "a token id must be a whole number of at least 0, got True"),
        ({"token_ids": [[1], [-1]]}, "got -1"),
        ({"token_ids": [1, 2]}, "list of lists"),
        ({"steps": [], "labels": [], "token_ids": []}, "there is no step"),
        ({"meta": None}, "'meta' must be an object"),
        ({"label": -1}, "'label' is not known"),
        ({"problem_id": 3}, "'problem_id' must be a text"),
    ],
)
def test_a_broken_row_is_named_by_file_and_line(tmp_path, change, said):
    path = tmp_path / "labels.jsonl"
    rows = [own_row(GOOD), own_row(GOOD) | change]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=rf"labels\.jsonl:2: .*{said}"):
        list(read_labelled(path, "own"))


def test_what_json_cannot_hold_leaves_no_file(tmp_path):
    path = tmp_path / "labels.jsonl"
    bad = LabelledSolution("p", ("a",), (1.0,), meta={"score": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_labelled(path, [GOOD, bad])
    assert list(tmp_path.iterdir()) == []
