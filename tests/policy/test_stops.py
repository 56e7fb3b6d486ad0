"""Stop strings, also where tokens do not end where they do."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.stops import StopTable

STOPS = ["\n", "\n\n", ";;", "b;;\n", "####", "。", "終わり", "é"]
TEXT = st.text("ab;\n# 。終わりé", max_size=12)


def first_hit(table: StopTable, ids: list[int], stops: tuple[str, ...]) -> int | None:
    return next((end for end in range(1, len(ids) + 1) if table.hit(ids[:end], stops)), None)


@pytest.fixture(scope="module")
def tables(characters, bpe):
    return [(tokenizer, StopTable(tokenizer)) for tokenizer in (characters, bpe)]


@settings(max_examples=200)
@given(text=TEXT, stops=st.lists(st.sampled_from(STOPS), max_size=3, unique=True))
def test_stops_at_the_first_token_that_completes_a_stop_string(tables, text, stops):
    for tokenizer, table in tables:
        ids = tokenizer.encode(text, add_special_tokens=False)
        texts = [tokenizer.decode(ids[:end]) for end in range(1, len(ids) + 1)]
        expected = next((end for end, read in enumerate(texts, 1) if any(stop in read for stop in stops)), None)
        assert first_hit(table, ids, tuple(stops)) == expected


def test_a_token_may_complete_a_stop_string_and_run_on(bpe):
    token = next(t for t in range(len(bpe)) if bpe.decode([t]).startswith(";;") and len(bpe.decode([t])) > 2)
    assert StopTable(bpe).hit([token], (";;",))


def test_a_stop_string_may_span_tokens(bpe):
    semicolon = bpe.encode(";", add_special_tokens=False)
    assert not StopTable(bpe).hit(semicolon, (";;",))
    assert StopTable(bpe).hit(semicolon + semicolon, (";;",))


def test_no_stop_strings_no_stop(bpe):
    assert not StopTable(bpe).hit(bpe.encode("a\n", add_special_tokens=False), ())
