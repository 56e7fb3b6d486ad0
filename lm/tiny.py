"""Tiny real transformers for the lab: one dial sets the size, the rest follows from it."""

from __future__ import annotations

import torch
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

HEAD_SIZE = 32


def tiny_config(size: int, tokenizer: PreTrainedTokenizerFast, context: int) -> Qwen2Config:
    """The architecture for a dial ``size``: the hidden width, a multiple of 32 (128: 2 layers, 0.43M parameters).

    ``context`` is the longest sequence in tokens. Keys and values have one head per query head: at this size sharing
    them saves no memory worth having and costs a copy at every decoding step.
    """
    if size < HEAD_SIZE or size % HEAD_SIZE:
        raise ValueError(f"size must be a positive multiple of {HEAD_SIZE}, got {size}")
    return Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=size,
        intermediate_size=3 * size,
        num_hidden_layers=max(2, size // 64),
        num_attention_heads=size // HEAD_SIZE,
        num_key_value_heads=size // HEAD_SIZE,
        max_position_embeddings=context,
        # transformers' 0.02 suits wide models; at these widths it leaves the first hundreds of steps without progress.
        initializer_range=size**-0.5,
        # Likewise 10,000 is made for long texts: with 100 a copied operand comes from the wrong place far more rarely.
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def new_tiny_model(config: Qwen2Config, seed: int) -> Qwen2ForCausalLM:
    """A freshly initialised model. The generator is forked, so nobody else's random numbers move."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Qwen2ForCausalLM(config)
