"""Qwen2.5-Math-PRM (arXiv 2501.07301): a two-class head of two layers, read at the token ``<extra_0>`` after a step.

The conversation has a system turn, the problem as the user's turn, and the steps as the assistant's, ``<extra_0>``
behind each. x = W2 relu(W1 h + b1) + b2, p = softmax(x)_1, value 2p - 1. As the model's card has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from lm.folder import load_backbone, load_tokenizer, load_weights
from prm.public.reading import Reader, values

SEPARATOR = "<extra_0>"
_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
_HEAD = ("score.0.weight", "score.0.bias", "score.2.weight", "score.2.bias")


class QwenPrm:
    """A local folder of Qwen2.5-Math-PRM-7B or -72B, or of the same architecture."""

    def __init__(self, path: Path | str, device: str = "cpu", dtype: str = "float32") -> None:
        tokenizer = load_tokenizer(path)
        self._head = load_weights(path, _HEAD, device)
        self._reader = Reader(path, "Qwen2.5-Math-PRM", load_backbone(path, device, dtype), tokenizer)
        self._separator = self._reader.single(SEPARATOR)

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]:
        """A value in [-1, 1] for each step."""
        plain = self._reader.plain
        ids = self._reader.chat(
            [
                {"role": "system", "content": _SYSTEM},
                {"role": "user", "content": plain(prompt).strip()},
                {"role": "assistant", "content": "".join(plain(step).strip() + SEPARATOR for step in steps)},
            ],
            is_open=False,
        )
        hidden = self._reader.hidden(ids, self._reader.places(ids, self._separator, len(steps)))
        first, first_bias, second, second_bias = (self._head[name] for name in _HEAD)
        logits = torch.relu(hidden @ first.T + first_bias) @ second.T + second_bias
        return values(logits[:, 1] - logits[:, 0])
