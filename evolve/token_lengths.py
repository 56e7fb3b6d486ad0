"""How much of a step's text each token stands for, told by the tokenizer of the policy that sampled it."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from mcts.step import Step


class ByteLevelTokens:
    """Reads the tokens of a byte-level tokenizer. What stands for no text (an end token) has length 0."""

    def __init__(self, vocabulary: Mapping[str, int], special: set[int]) -> None:
        table = _bytes_by_letter()
        self._bytes = {
            token: bytes(table[letter] for letter in letters)
            for letters, token in vocabulary.items()
            if token not in special and all(letter in table for letter in letters)
        }

    def __call__(self, step: Step) -> Sequence[int] | None:
        """UTF-16 units by token; a character belongs to the token that completes it. None if text and ids disagree."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        text, lengths = "", []
        try:
            for token in step.token_ids:
                piece = decoder.decode(self._bytes.get(token, b""))
                text += piece
                lengths.append(len(piece.encode("utf-16-le")) // 2)
        except UnicodeDecodeError:
            return None
        return lengths if lengths and text == step.text else None


def token_lengths_of(folder: Path) -> ByteLevelTokens | None:
    """The reader for a HF model folder; None where its ``tokenizer.json`` is missing or not a byte-level one."""
    try:
        saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        if saved["decoder"]["type"] != "ByteLevel":
            return None
        special = {token["id"] for token in saved["added_tokens"] if token["special"]}
        return ByteLevelTokens(saved["model"]["vocab"], special)
    except (OSError, ValueError, KeyError, TypeError):
        return None


@cache
def _bytes_by_letter() -> dict[str, int]:
    """The letters that byte-level tokenizers (GPT-2's) write bytes as: printable ones as they are, others from 256."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    rest = [byte for byte in range(256) if byte not in set(plain)]
    return {chr(byte): byte for byte in plain} | {chr(256 + index): byte for index, byte in enumerate(rest)}
