"""The prefix store: it finds the longest prefix, drops the coldest, and never breaks a path that is in use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.prefix_store import ROOT, PrefixStore

PREFIX = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)


def insert(store: PrefixStore, tokens: tuple[int, ...], keep: list[int]) -> int:
    """What the engine does with a prompt; returns its node."""
    known = store.walk(tokens)
    node = known[-1] if known else ROOT
    missing = tokens[len(known) :]
    store.make_room(len(missing), [node, *keep])
    node = [node, *store.add_run(node, missing)][-1]
    store.touch(node)
    return node


def held(store: PrefixStore, seen: set[tuple[int, ...]]) -> set[tuple[int, ...]]:
    return {prefix for prefix in seen if len(store.walk(prefix)) == len(prefix)}


def begins(prefixes) -> set[tuple[int, ...]]:
    return {prefix[:end] for prefix in prefixes for end in range(1, len(prefix) + 1)}


@settings(max_examples=200)
@given(asked=st.lists(st.tuples(PREFIX, st.booleans()), max_size=25), capacity=st.integers(12, 20))
def test_longest_prefix_coldest_dropped_paths_in_use_kept(asked, capacity):
    store = PrefixStore(capacity)
    seen: set[tuple[int, ...]] = set()
    used: dict[tuple[int, ...], int] = {}  # when a prefix, or one that begins with it, was last asked for
    in_use: tuple[int, ...] = ()
    for clock, (tokens, use) in enumerate(asked):
        before = held(store, seen)
        longest = max((len(prefix) for prefix in before & begins([tokens])), default=0)
        path = store.walk(tokens)
        assert len(path) == longest
        dropped_before = {prefix for prefix in seen if prefix not in before}
        insert(store, tokens, store.walk(in_use)[-1:])
        seen |= begins([tokens])
        after = held(store, seen)
        assert begins(after) == after  # no path is broken
        assert len(store) == len(after) <= capacity
        assert begins([tokens]) | begins([in_use]) <= after
        gone, stayed = before - after, after - begins([tokens]) - begins([in_use])
        assert max((used[prefix] for prefix in gone), default=-1) <= min(
            (used[prefix] for prefix in stayed), default=clock
        )
        for prefix in begins([tokens]) & dropped_before:
            assert store.was_dropped(store.walk(prefix)[-1])
        used |= dict.fromkeys(begins([tokens]) | (begins([in_use]) if gone else set()), clock)
        in_use = tokens if use else in_use


@settings(max_examples=100)
@given(asked=st.lists(PREFIX, min_size=1, max_size=20))
def test_paths_say_the_tokens_and_the_same_calls_give_the_same_slots(asked):
    store, again = PrefixStore(14), PrefixStore(14)
    for tokens in asked:
        node = insert(store, tokens, [])
        assert insert(again, tokens, []) == node
        (path,) = store.paths(np.array([node]))
        assert tuple(store.token[path]) == tokens
        assert store.depth[node] == len(tokens)
    nodes = np.array([path[-1] for tokens in asked if len(path := store.walk(tokens)) == len(tokens)])
    for row, node in zip(store.paths(nodes), nodes, strict=True):
        assert list(row[len(row) - store.depth[node] :]) == list(store.paths(np.array([node]))[0])
        assert not row[: len(row) - store.depth[node]].any()  # shorter paths are filled up with the root


def test_rows_that_draw_alike_share_a_child():
    store = PrefixStore(9)
    (a, b) = store.add_run(ROOT, (5, 6))
    children, new = store.advance([b, b, a, b], [7, 7, 7, 8])
    assert children[0] == children[1]
    assert len(set(children)) == 3 == len(new)
    again, new = store.advance([b, a], [8, 6])
    assert again == [children[3], b]
    assert new == []


def test_what_cannot_be_dropped_is_not():
    store = PrefixStore(4)
    node = insert(store, (1, 2, 3), [])
    with pytest.raises(ValueError, match="2 slots are needed, and only 1 of 4"):
        store.make_room(2, [node])
    assert len(store.walk((1, 2, 3))) == 3
    store.make_room(2, [])
    assert store.room >= 2
    with pytest.raises(ValueError, match="at least 1 slot"):
        PrefixStore(0)
