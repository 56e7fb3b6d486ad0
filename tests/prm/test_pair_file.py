"""Pairs on disk: what is written is read back, and everything else is refused with its line."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm.pair_file import read_pairs, write_pairs
from prm.pairs import PairKind, PreferencePair
from tasks.errors import DataError

PAIR = PreferencePair(
    "p/0/1", 0, PairKind.SAME_PREFIX, "What?", (1, 2), (3,), (4, 5), "a\n", "b\u2028\n", 1.5, 2, 3, 4, 1
)
IDS = st.lists(st.integers(0, 2**31), max_size=4).map(tuple)
SOME_IDS = st.lists(st.integers(0, 2**31), min_size=1, max_size=4).map(tuple)
COUNTS = st.integers(0, 2**40)
PAIRS = st.builds(
    PreferencePair, st.text(), COUNTS, st.sampled_from(PairKind), st.text(), IDS, SOME_IDS, SOME_IDS, st.text(),
    st.text(), st.floats(1e-9, 2.0), COUNTS, COUNTS, COUNTS, COUNTS,
).filter(lambda pair: pair.chosen != pair.rejected)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(PAIRS, max_size=4))
def test_round_trip_is_exact(tmp_path_factory, pairs):
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    write_pairs(path, pairs)
    assert read_pairs(path) == pairs
    written = path.read_bytes()
    write_pairs(path, read_pairs(path))
    assert path.read_bytes() == written
    assert len(written.splitlines()) == len(pairs)


def test_files_of_earlier_versions_know_no_visits(tmp_path):
    path = tmp_path / "pairs.jsonl"
    visited = dataclasses.replace(PAIR, chosen_visits=7, rejected_visits=2)
    write_pairs(path, [visited])
    assert read_pairs(path) == [visited]
    row = {name: value for name, value in json.loads(path.read_text()).items() if "visits" not in name}
    path.write_text(json.dumps(row) + "\n")
    assert read_pairs(path) == [PAIR]


def changed(**values):
    return {**dataclasses.asdict(PAIR), **values}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ('{"problem_id": "p', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "fields"),
        ('{"problem_id": "p"}', "fields"),
        (changed(more=1), "fields"),
        (changed(prompt=None), "prompt must be a text"),
        (changed(depth=-1), "depth must be a whole number"),
        (changed(tree=True), "tree must be a whole number"),
        (changed(prefix=[1, 2.5]), "prefix must be a list of token ids"),
        (changed(chosen="12"), "chosen must be a list of token ids"),
        (changed(chosen=[]), "at least one token id"),
        (changed(rejected=[3]), "different from chosen"),
        (changed(margin=0.0), "margin must be a number above 0"),
        (changed(margin=float("nan")), "margin must be a number above 0"),
        (changed(kind="other"), "kind must be one of same_prefix, final_step"),
    ],
)
def test_a_bad_line_is_named(tmp_path, bad, said):
    path = tmp_path / "pairs.jsonl"
    write_pairs(path, [PAIR])
    with path.open("a") as file:
        file.write((bad if isinstance(bad, str) else json.dumps(bad)) + "\n")
    with pytest.raises(DataError, match=said) as caught:
        read_pairs(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_and_missing_files_are_named(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"\xff\xfe\xfa\n")
    with pytest.raises(DataError, match=r"pairs\.jsonl:1: "):
        read_pairs(path)
    with pytest.raises(DataError, match=r"none\.jsonl: the pairs cannot be read"):
        read_pairs(tmp_path / "none.jsonl")
