"""Tiny tokenizers and a tiny model for the tests of this room."""

from __future__ import annotations

import pytest
import torch

from lm.config import TokenizerKind
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer

TEXTS = ["add 12 to 34, then take 5 from that\n#### 41\n", "the thing that then follows the other thing\n"] * 4


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def texts():
    return TEXTS


@pytest.fixture(scope="session")
def tokenizers():
    return {kind: build_tokenizer(kind, TEXTS, 300) for kind in TokenizerKind}


@pytest.fixture(scope="session")
def tokenizer(tokenizers):
    return tokenizers[TokenizerKind.BPE]


@pytest.fixture
def new_model(tokenizer):
    """Makes a tiny model of a seed; wide initial weights, so that its logits are far from uniform."""

    def make(seed: int = 5):
        config = tiny_config(32, tokenizer, 64)
        config.initializer_range = 0.2
        return new_tiny_model(config, seed).eval()

    return make
