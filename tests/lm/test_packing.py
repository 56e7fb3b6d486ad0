"""Rows that share prefixes: the trie against brute force, packed models against one row per path."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, LlamaConfig, MistralConfig, PreTrainedModel, Qwen2Config, Qwen3Config

import lm.packing
from lm.packing import pack, packed_batches
from lm.tree_attention import can_pack, last_hidden, last_hidden_padded, packed_hidden

ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9).map(tuple), min_size=1, max_size=30)
KINDS = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig, "mistral": MistralConfig}
VOCABULARY = 40


def new_model(kind: str = "qwen2", shared_heads: int = 2, **options) -> PreTrainedModel:
    """A backbone with 4 query heads; wide initial weights, so that hidden states depend on all they can see."""
    config = KINDS[kind](
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=shared_heads, head_dim=8, initializer_range=0.3, pad_token_id=None,
        **{"sliding_window": None, **options},
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return AutoModel.from_config(config).eval()


def grown_rows(seed: int, trees: int = 3, depth: int = 4, width: int = 3) -> list[tuple[int, ...]]:
    """Every node of a few random trees as a row: steps of 1 to 6 tokens under prompts of 5 to 20, in random order."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(trees):
        level = [tuple(rng.integers(0, VOCABULARY, rng.integers(5, 21)).tolist())]
        for _ in range(depth):
            level = [
                (*row, *rng.integers(0, VOCABULARY, rng.integers(1, 7)).tolist())
                for row in level[:2]
                for _ in range(width)
            ]
            rows += level
    return [rows[index] for index in rng.permutation(len(rows))]


def alone(model: PreTrainedModel, rows: list[tuple[int, ...]]) -> torch.Tensor:
    """The reference: every row by itself, through the model's own forward."""
    return torch.stack([model(input_ids=torch.tensor([row])).last_hidden_state[0, -1] for row in rows])


@given(rows=ROWS)
def test_the_packed_row_is_the_trie(rows):
    """Each prefix of any row is one token, and its segment sees exactly the places that spell the prefix."""
    packed = pack(rows)
    prefixes = {row[: size + 1] for row in rows for size in range(len(row))}
    assert len(packed.ids_N) == len(prefixes)
    slots = [
        (int(place), keys[seen == 0].tolist())
        for bucket in packed.buckets
        for queries, keys, mask in zip(bucket.queries_GQ, bucket.keys_GK, bucket.mask_GQK, strict=True)
        for place, seen in zip(queries, mask, strict=True)
    ]
    spelt = []
    for place, slot in enumerate(packed.slots_N.tolist()):
        asking, path = slots[slot]
        assert asking == place == path[-1]
        assert int(packed.depths_N[place]) == len(path) - 1
        spelt.append(tuple(packed.ids_N[path].tolist()))
    assert set(spelt) == prefixes
    assert [spelt[end] for end in packed.ends_R] == rows


@given(rows=ROWS, batch_tokens=st.integers(1, 60))
def test_batches_keep_to_the_budget_of_packed_tokens(rows, batch_tokens):
    batches = packed_batches(rows, batch_tokens)
    assert sorted(index for batch in batches for index in batch) == list(range(len(rows)))
    for batch in batches:
        tokens = len(pack([rows[index] for index in batch]).ids_N)
        assert tokens <= batch_tokens or len({rows[index] for index in batch}) == 1 or tokens == len(rows[batch[-1]])


def test_a_hand_made_trie():
    packed = pack([(1, 2, 3), (1, 2), (1, 2, 4, 5), (7,), (1, 2)])
    assert packed.ids_N.tolist() == [1, 2, 3, 4, 5, 7]
    assert packed.depths_N.tolist() == [0, 1, 2, 2, 3, 0]
    assert packed.ends_R.tolist() == [2, 1, 4, 5, 1]
    assert sum(len(bucket.keys_GK) for bucket in packed.buckets) == 3  # one segment per leaf


@pytest.mark.parametrize("rows", [[], [(1,), ()]])
def test_an_empty_row_is_refused(rows):
    with pytest.raises(ValueError, match="at least one token"):
        last_hidden(new_model(), rows)


@pytest.mark.parametrize("shared_heads", [1, 2, 4])
@pytest.mark.parametrize("kind", KINDS)
@torch.no_grad()
def test_packed_states_equal_one_row_per_path(kind, shared_heads, monkeypatch):
    monkeypatch.setitem(lm.packing._BUCKET_KEYS, "cpu", 100)  # so that segments of like size fall into several buckets
    model, rows = new_model(kind, shared_heads), grown_rows(1)
    found, expected = last_hidden(model, rows), alone(model, rows)
    assert len(pack(rows).ids_N) < 0.5 * sum(map(len, rows))
    assert torch.allclose(found, expected, atol=1e-5)
    assert float(expected.std(0).min()) > 0.1


def test_gradients_equal_one_row_per_path():
    """Of a loss that weighs every row and every channel differently, in every parameter, relative to its size."""
    model, rows = new_model(), grown_rows(2)
    weights = torch.randn(len(rows), 32, generator=torch.Generator().manual_seed(0))
    gradients = []
    for states in (last_hidden, alone):
        model.zero_grad()
        (states(model, rows) * weights).sum().backward()
        gradients.append({name: one.grad.clone() for name, one in model.named_parameters()})
    for name, expected in gradients[1].items():
        assert float((gradients[0][name] - expected).norm()) <= 1e-5 * float(expected.norm()), name
        assert float(expected.norm()) > 0


@pytest.mark.parametrize("autocast", [False, True])
@torch.no_grad()
def test_bfloat16_differs_from_one_row_per_path_as_little_as_rounding(autocast):
    rows = grown_rows(4)
    exact = alone(new_model(), rows)
    model = new_model() if autocast else new_model().to(torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        found, plain = last_hidden(model, rows).float(), alone(model, rows).float()
    assert float((found - exact).norm()) < 1.2 * float((plain - exact).norm()) < 0.1 * float(exact.norm())


@torch.no_grad()
def test_a_tree_sees_nothing_of_the_others():
    model, rows = new_model(), grown_rows(5, trees=1)
    others = [(VOCABULARY - 1 - row[0], *row[1:]) for row in rows]  # the same rows under another first token
    together = last_hidden(model, [*rows, *others])
    assert torch.allclose(together[: len(rows)], last_hidden(model, rows), atol=1e-5)


@torch.no_grad()
def test_the_model_is_left_as_it_was():
    model, rows = new_model(), grown_rows(6)
    before, asked = model.config._attn_implementation, torch.tensor([rows[0]])
    plain = model(input_ids=asked).last_hidden_state
    last_hidden(model, rows)
    assert model.config._attn_implementation == before
    assert torch.equal(model(input_ids=asked).last_hidden_state, plain)
    with pytest.raises(IndexError):
        packed_hidden(model, pack([(VOCABULARY,)]))
    assert model.config._attn_implementation == before


@torch.no_grad()
def test_threads_on_one_model_do_not_disturb_each_other():
    """One packs over and over while another calls the model's own forward, padding mask and all."""
    model, rows = new_model(), grown_rows(7)
    ids, mask = torch.tensor([[0, 0, 5, 6], [7, 8, 9, 4]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    expected, plain = last_hidden(model, rows), model(input_ids=ids, attention_mask=mask).last_hidden_state
    wrong, done = [], threading.Event()

    def pack_on() -> None:
        with torch.no_grad():
            while not done.is_set():
                if not torch.equal(last_hidden(model, rows), expected):
                    wrong.append("packed")

    threads = [threading.Thread(target=pack_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        found = model(input_ids=ids, attention_mask=mask).last_hidden_state
        if not torch.allclose(found[mask.bool()], plain[mask.bool()], atol=1e-5):
            wrong.append("plain")
    done.set()
    for thread in threads:
        thread.join()
    assert not wrong


@torch.no_grad()
def test_what_cannot_be_packed_gets_one_row_per_path():
    rows = grown_rows(8)
    longest = max(map(len, rows))
    short_sighted = new_model("mistral", sliding_window=longest - 1)
    assert not can_pack(short_sighted, longest)
    assert can_pack(short_sighted, longest - 1)
    assert torch.allclose(last_hidden(short_sighted, rows), alone(short_sighted, rows), atol=1e-5)
    checkpointing = new_model().train()
    checkpointing.gradient_checkpointing_enable()
    assert not can_pack(checkpointing, 1)
    unknown = new_model()
    unknown.config.model_type = "gpt2"
    assert not can_pack(unknown, 1)
    assert torch.equal(last_hidden(unknown, rows), last_hidden_padded(unknown, rows))
