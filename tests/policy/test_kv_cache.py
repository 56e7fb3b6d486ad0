"""The pool: whatever is computed together or apart, each node's logits are those of a plain pass over its prefix."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from policy import kv_cache
from policy.kv_cache import KeyValuePool, bytes_per_node
from policy.path_attention import refuse_unfit
from policy.prefix_store import ROOT, PrefixStore
from tasks.errors import UserError

SIZES = {
    "vocab_size": 40,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
}
MAKE = {
    "plain": lambda: Qwen2ForCausalLM(Qwen2Config(**SIZES | {"num_key_value_heads": 4})),
    "grouped heads": lambda: LlamaForCausalLM(LlamaConfig(**SIZES)),
    "window": lambda: MistralForCausalLM(MistralConfig(**SIZES, sliding_window=4)),
    "some layers with a window": lambda: Qwen2ForCausalLM(
        Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=3, max_window_layers=1)
    ),
}


@pytest.fixture(params=MAKE)
def model(request):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return MAKE[request.param]().eval()


def grow(pool: KeyValuePool, store: PrefixStore, rng: np.random.Generator, runs: int, longest: int) -> list[int]:
    """Runs from random places of the tree, in random batches; returns the nodes."""
    nodes, waiting = [ROOT], []
    for _ in range(runs):
        parent = int(rng.choice(nodes))
        tokens = rng.integers(0, 40, size=rng.integers(1, longest + 1)).tolist()
        if store.advance([parent], tokens[:1])[1]:  # a new branch
            first = store.advance([parent], tokens[:1])[0]
            waiting.append([*first, *store.add_run(first[0], tokens[1:])])
            nodes += waiting[-1]
        if waiting and rng.random() < 0.3:
            pool.read(waiting)
            waiting = []
    if waiting:
        pool.read(waiting)
    return nodes[1:]


@pytest.mark.parametrize(("gathered", "tokens"), [(1 << 12, 8192), (9, 8192), (9, 3)])
def test_every_node_says_what_a_plain_pass_says(model, monkeypatch, gathered, tokens):
    monkeypatch.setattr(kv_cache, "_GATHERED_ON_CPU", gathered)
    monkeypatch.setattr(kv_cache, "_PASS_TOKENS", tokens)
    store = PrefixStore(200)
    pool = KeyValuePool(model, store)
    nodes = grow(pool, store, np.random.default_rng(gathered + tokens), runs=24, longest=7)
    assert max(store.depth) > 7
    assert len(set(store.parent[nodes])) < len(nodes)  # it forks
    found = pool.logits(nodes).log_softmax(-1)
    for node, logprobs in zip(nodes, found, strict=True):
        ids = torch.from_numpy(store.token[store.paths(np.array([node]))])
        with torch.inference_mode():
            expected = model(ids).logits[0, -1].log_softmax(-1)
        assert torch.allclose(logprobs, expected, atol=1e-5)


def test_a_slot_that_is_used_again_says_the_new_thing(model):
    store = PrefixStore(6)
    pool = KeyValuePool(model, store)
    for tokens in ((1, 2, 3, 4), (5, 6, 7, 8, 9), (10, 11, 12, 13, 14, 15)):
        store.make_room(len(tokens), [])
        pool.read([run := store.add_run(ROOT, tokens)])
        with torch.inference_mode():
            expected = model(torch.tensor([tokens])).logits[0]
        assert torch.allclose(pool.logits(run), expected, atol=1e-5)


def test_a_whole_path_beside_a_shorter_run_of_an_equal_path(model):
    store = PrefixStore(20)
    pool = KeyValuePool(model, store)
    pool.read([first := store.add_run(ROOT, (1,))])
    runs = [store.add_run(ROOT, (5, 6, 7, 8)), store.add_run(first[0], (2, 3, 4))]  # one chunk, four keys each
    pool.read(runs)
    for run, tokens in zip([runs[0], first + runs[1]], [(5, 6, 7, 8), (1, 2, 3, 4)], strict=True):
        with torch.inference_mode():
            expected = model(torch.tensor([tokens])).logits[0]
        assert torch.allclose(pool.logits(run), expected, atol=1e-5)


def test_the_model_attends_as_before_outside(model):
    ids = torch.tensor([[3, 1, 4, 1, 5]])
    with torch.inference_mode():
        before = model(ids).logits
        store = PrefixStore(9)
        KeyValuePool(model, store).read([store.add_run(ROOT, (3, 1, 4))])
        assert torch.equal(model(ids).logits, before)
    assert model.config._attn_implementation == "sdpa"


def test_a_node_takes_keys_values_and_a_hidden_state(model):
    heads = model.config.num_key_value_heads
    assert bytes_per_node(model) == (2 * 2 * heads * 8 + 32) * 4


@pytest.mark.parametrize(
    "unfit",
    [
        lambda: Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8, attn_logit_softcapping=30.0)),
        lambda: BloomForCausalLM(BloomConfig(vocab_size=40, hidden_size=32, n_layer=1, n_head=4)),
    ],
)
def test_a_model_with_attention_of_its_own_is_refused(unfit):
    with pytest.raises(UserError, match=r"engine=hf cannot run .*use engine=vllm"):
        refuse_unfit(unfit())
