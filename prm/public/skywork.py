"""Skywork-o1-Open-PRM: a value head on a language model, read at the line break behind each step.

It reads the problem and a line break, then the steps, a line break behind each, every step encoded by itself.
x = w h + b with h the last hidden state, p = sigmoid(x), value 2p - 1. As in skywork-o1-prm-inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lm.folder import load_backbone, load_tokenizer, load_weights
from prm.public.reading import Reader, values

_HEAD = ("v_head.summary.weight", "v_head.summary.bias")


class SkyworkPrm:
    """A local folder of Skywork-o1-Open-PRM-Qwen-2.5-1.5B or -7B, or of the same architecture."""

    def __init__(self, path: Path | str, device: str = "cpu", dtype: str = "float32") -> None:
        tokenizer = load_tokenizer(path)
        self._head = load_weights(path, _HEAD, device)
        self._reader = Reader(path, "Skywork-o1-Open-PRM", load_backbone(path, device, dtype), tokenizer)
        self._separator = self._reader.single("\n")

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]:
        """A value in [-1, 1] for each step."""
        tokenizer = self._reader.tokenizer
        begin = f"{tokenizer.bos_token or ''}{self._reader.plain(prompt).strip()}\n"
        ids, places = list(tokenizer.encode(begin)), []
        for step in steps:
            ids += [*tokenizer.encode(self._reader.plain(step).strip(), add_special_tokens=False), self._separator]
            places.append(len(ids) - 1)
        weight, bias = (self._head[name] for name in _HEAD)
        return values((self._reader.hidden(ids, places) @ weight.T + bias)[:, 0])
