"""Tokenizers built on the spot from a task's own texts, saved as ordinary HF tokenizers."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from lm.config import TokenizerKind

PAD, END, UNKNOWN = "<|pad|>", "<|end|>", "<|unk|>"


def build_tokenizer(kind: TokenizerKind, texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Build a tokenizer from ``texts``; at most ``vocabulary`` tokens (``bpe`` needs at least 260).

    A newline is always a token of its own, so a step that ends at a newline ends between two tokens, and digits are
    single tokens, so arithmetic is over digits.
    """
    tokenizer = _characters(texts) if kind is TokenizerKind.CHARACTERS else _bpe(texts, vocabulary)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, clean_up_tokenization_spaces=False
    )


def _characters(texts: Iterable[str]) -> Tokenizer:
    letters = sorted({letter for text in texts for letter in text} | {"\n"})
    vocabulary = {token: index for index, token in enumerate([PAD, END, UNKNOWN, *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def _bpe(texts: Iterable[str], vocabulary: int) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    words = Regex(r"\n|\d| ?[^\s\d\p{L}]| ?\p{L}+|\s")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, END, UNKNOWN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
