"""Tiny policies for the tests of this room: a plain one, and one that writes in a handful of tokens only."""

from __future__ import annotations

import pytest
import torch

from lm.config import TokenizerKind
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer

TEXTS = ["one ab;; two ab;; and\n#### 12\n\n", "ab;; ab;;\n\n#### 3\n"] * 8


class NarrowHead(torch.nn.Module):
    """An output head that can only draw the given tokens, so that delimiters and ends come often."""

    def __init__(self, head: torch.nn.Linear, tokens: list[int]) -> None:
        super().__init__()
        self.head = head
        bias = torch.full((head.out_features,), -1e4)
        bias[tokens] = 0.0
        self.register_buffer("bias", bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.head(hidden) + self.bias


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def characters():
    return build_tokenizer(TokenizerKind.CHARACTERS, [], 0)


@pytest.fixture(scope="session")
def bpe():
    return build_tokenizer(TokenizerKind.BPE, TEXTS, 280)


def new_model(tokenizer):
    config = tiny_config(32, tokenizer, 128)
    config.initializer_range = 0.2  # wide, so that the model has opinions
    return new_tiny_model(config, 5).eval()


@pytest.fixture(scope="session")
def model(bpe):
    """An untrained policy over the bpe tokenizer. Nobody may change it."""
    return new_model(bpe)


@pytest.fixture(scope="session")
def narrow():
    """Makes a policy of a tokenizer that draws only the given texts' tokens, all of them likely."""

    def make(tokenizer, tokens: list[int]):
        made = new_model(tokenizer)
        made.lm_head = NarrowHead(made.lm_head, tokens)
        with torch.no_grad():
            made.model.norm.weight.mul_(0.2)  # flatter logits: every token comes now and then
        return made

    return make
