"""Rows and batches."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lm.rows import TextRow, in_order_batches, pad, shuffled_batches

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=200)


def test_length_counts_prompt_and_target():
    assert TextRow("p", (1, 2, 3), (4, 5)).length == 5


def test_padding_is_on_the_right_and_masked():
    batch = pad([(1, 2, 3), (4,), (5, 9)], 9)
    assert batch.ids_BT.tolist() == [[1, 2, 3], [4, 9, 9], [5, 9, 9]]
    assert batch.mask_BT.tolist() == [[True, True, True], [True, False, False], [True, True, False]]
    assert batch.tokens == 9


@given(rows=st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=9), min_size=1, max_size=9))
def test_what_the_mask_keeps_is_the_rows(rows):
    batch = pad(rows, 0)
    assert [ids[mask].tolist() for ids, mask in zip(batch.ids_BT, batch.mask_BT, strict=True)] == rows
    assert batch.ids_BT.shape[1] == max(map(len, rows))


@given(lengths=LENGTHS, batch_rows=st.integers(1, 9), seed=st.integers(0, 2**62))
def test_an_epoch_holds_every_row_once(lengths, batch_rows, seed):
    batches = shuffled_batches(lengths, batch_rows, seed)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // batch_rows)
    assert sorted(map(len, batches))[1:] == [batch_rows] * (len(batches) - 1)  # one at most is smaller
    assert batches == shuffled_batches(lengths, batch_rows, seed)


def test_epochs_differ_by_seed_and_batches_hold_rows_of_like_length():
    lengths = [1 + row * 7 % 50 for row in range(256)]
    batches = shuffled_batches(lengths, 16, 3)
    assert batches != shuffled_batches(lengths, 16, 4)
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert padded < 1.15 * sum(lengths)  # unsorted batches of 16 would pad by nearly a factor of 2
    order = [max(lengths[row] for row in batch) for batch in batches]
    assert order not in (sorted(order), sorted(order, reverse=True))  # but they do not come short ones first


@given(lengths=LENGTHS, batch_tokens=st.integers(1, 200))
def test_in_order_batches_keep_to_the_budget(lengths, batch_tokens):
    batches = in_order_batches(lengths, batch_tokens)
    flat = [row for batch in batches for row in batch]
    assert sorted(flat) == list(range(len(lengths)))
    assert [lengths[row] for row in flat] == sorted(lengths)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[row] for row in batch) <= batch_tokens
    for batch, following in pairwise(batches):  # none could have taken one more
        assert (len(batch) + 1) * lengths[following[0]] > batch_tokens
