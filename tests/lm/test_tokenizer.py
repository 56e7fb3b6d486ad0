"""Tokenizers: every text survives, and AutoTokenizer reads the saved folder the same way."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from lm.config import TokenizerKind
from lm.folder import save_model
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import END, PAD, build_tokenizer

KINDS = list(TokenizerKind)
# Arbitrary text, and text dense in what tokenizers treat specially: blanks, digits, apostrophes, learned words.
TEXT = (
    st.text()
    | st.text("ab 12'\n\r\t#tshe.,é漢\u0301\u3000")
    | st.lists(st.sampled_from(["the", " then", "12 "])).map("".join)
)


@pytest.fixture(scope="module")
def reread(tokenizers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folders")
    for kind, tokenizer in tokenizers.items():
        save_model(new_tiny_model(tiny_config(32, tokenizer, 64), 0), tokenizer, folder / kind.value)
    return {kind: AutoTokenizer.from_pretrained(folder / kind.value) for kind in tokenizers}


def ids(tokenizer, text: str) -> list[int]:
    return tokenizer.encode(text, add_special_tokens=False)


@pytest.mark.parametrize("kind", KINDS)
@given(text=TEXT)
def test_any_text_decodes_to_itself_and_is_reread_identically(tokenizers, reread, kind, text):
    """Qwen2 tokenizers compose accents (NFC), nothing else may change."""
    found = ids(tokenizers[kind], text)
    assert tokenizers[kind].decode(found) == unicodedata.normalize("NFC", text)
    assert ids(reread[kind], text) == found
    assert reread[kind].decode(found) == tokenizers[kind].decode(found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_reread_tokenizer_has_the_same_special_tokens(tokenizers, reread, kind):
    assert type(reread[kind]) is type(tokenizers[kind])
    assert reread[kind].get_vocab() == tokenizers[kind].get_vocab()
    for tokenizer in (tokenizers[kind], reread[kind]):
        assert (tokenizer.pad_token, tokenizer.eos_token) == (PAD, END)
        assert tokenizer.pad_token_id != tokenizer.eos_token_id
        assert ids(tokenizer, END) == [tokenizer.eos_token_id]


@pytest.mark.parametrize("kind", KINDS)
def test_digits_are_single_tokens(kind):
    tokenizer = build_tokenizer(kind, ["1234 5678 1234 5678 12 34"] * 50, 400)
    found = ids(tokenizer, "12345678")
    assert [tokenizer.decode([token]) for token in found] == list("12345678")
    pieces = [tokenizer.decode([token]) for token in range(len(tokenizer))]
    assert [piece for piece in pieces if len(piece) > 1 and any(map(str.isdigit, piece))] == []  # no merge is wasted


def test_characters_are_one_token_each(tokenizers):
    tokenizer = tokenizers[TokenizerKind.CHARACTERS]
    text = "".join(chr(code) for code in range(128))
    assert len(tokenizer) == 258
    assert [tokenizer.decode([token]) for token in ids(tokenizer, text)] == list(text)
    assert len(ids(tokenizer, "é")) == 2  # otherwise, one token per byte


def test_merges_are_learned_up_to_the_vocabulary(texts, tokenizers):
    plain, merged = tokenizers[TokenizerKind.CHARACTERS], tokenizers[TokenizerKind.BPE]
    assert 258 < len(merged) <= 300
    assert len(ids(merged, "then the thing")) < len(ids(plain, "then the thing")) / 2
    assert len(build_tokenizer(TokenizerKind.BPE, texts, 270)) == 270
    assert len(build_tokenizer(TokenizerKind.BPE, texts, 0)) == 258  # the bytes are always there


def test_learning_is_deterministic(texts, tokenizers):
    assert build_tokenizer(TokenizerKind.BPE, texts, 300).get_vocab() == tokenizers[TokenizerKind.BPE].get_vocab()
