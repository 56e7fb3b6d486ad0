"""Tiny models: one dial, weights by seed."""

from __future__ import annotations

import pytest
import torch

from lm.tiny import new_tiny_model, tiny_config


def weights(model) -> dict[str, bytes]:
    return {name: value.numpy().tobytes() for name, value in model.state_dict().items()}


@pytest.mark.parametrize(("size", "layers", "heads"), [(32, 2, 1), (128, 2, 4), (256, 4, 8)])
def test_one_dial_sets_the_rest(tokenizer, size, layers, heads):
    config = tiny_config(size, tokenizer, 64)
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (size, layers, heads)
    assert config.num_key_value_heads == heads
    assert config.max_position_embeddings == 64
    assert config.vocab_size == len(tokenizer)
    assert (config.eos_token_id, config.pad_token_id) == (tokenizer.eos_token_id, tokenizer.pad_token_id)


@pytest.mark.parametrize("size", [0, 31, 48, -32])
def test_a_size_between_the_dials_marks_is_refused(tokenizer, size):
    with pytest.raises(ValueError, match=f"multiple of 32, got {size}"):
        tiny_config(size, tokenizer, 64)


def test_documented_parameter_count(tokenizers):
    tokenizer = next(iter(tokenizers.values()))
    model = new_tiny_model(tiny_config(128, tokenizer, 64), 0)
    assert sum(parameter.numel() for parameter in model.parameters()) / 1e6 == pytest.approx(0.43, abs=0.035)


def test_the_seed_decides_the_weights_and_nobody_elses_numbers_move(tokenizer):
    config = tiny_config(32, tokenizer, 64)
    torch.manual_seed(123)
    before = torch.random.get_rng_state()
    first = weights(new_tiny_model(config, 7))
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(5)
    assert weights(new_tiny_model(config, 7)) == first
    assert weights(new_tiny_model(config, 8)) != first


@torch.no_grad()
def test_the_output_head_is_the_embedding(new_model):
    model = new_model()
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
