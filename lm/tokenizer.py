"""Tokenizers built on the spot, as Qwen2 tokenizers: whatever reads a Qwen2 folder reads these the same way.

``AutoTokenizer`` gives every Qwen2 model a ``Qwen2Tokenizer`` with that class's own way of cutting text, whatever the
folder's tokenizer.json says; any other kind of tokenizer would silently read other ids there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

from lm.config import TokenizerKind

PAD, END = "<|pad|>", "<|end|>"
# Qwen2's own cutting (digits stand alone), so that merges are learned from the pieces it will be given.
_PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def build_tokenizer(kind: TokenizerKind, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer: any text can be encoded, and decodes to itself (to its NFC form: Qwen2 composes accents).

    ``characters`` has the 256 bytes and no merges, one token per ASCII character; ``bpe`` learns merges from ``texts``
    until there are ``vocabulary`` tokens. Digits are single tokens, so arithmetic is over digits.
    """
    merges = _learn_merges(texts, vocabulary) if kind is TokenizerKind.BPE else []
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = [PAD, END, *alphabet, *("".join(pair) for pair in merges)]
    tokens = {token: index for index, token in enumerate(dict.fromkeys(pieces))}
    tokenizer = Qwen2Tokenizer(
        vocab=tokens,
        merges=merges,  # type: ignore[arg-type]
        unk_token=END,
        eos_token=END,
        pad_token=PAD,
    )
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    return tokenizer


def _learn_merges(texts: Iterable[str], vocabulary: int) -> list[tuple[str, str]]:
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    learner.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=max(vocabulary - 2, 256), initial_alphabet=alphabet, show_progress=False),
    )
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
