"""Noticing stop strings while tokens arrive, without decoding every row at every token."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerFast


class StopTable:
    """Knows, for each stop string, which tokens could complete it: only then is the row's text looked at."""

    def __init__(self, tokenizer: PreTrainedTokenizerFast) -> None:
        self._tokenizer = tokenizer
        self._completing: dict[str, frozenset[int]] = {}

    def hit(self, token_ids: Sequence[int], stops: tuple[str, ...]) -> bool:
        """Does the text end a stop string with its last token? A token may run on past the stop string."""
        return any(token_ids[-1] in self.completing(stop) and self._ends(token_ids, stop) for stop in stops)

    def completing(self, stop: str) -> frozenset[int]:
        """The tokens whose text holds the last character of ``stop``, or the last bytes of it."""
        if stop not in self._completing:
            texts = (self._tokenizer.decode([token]) for token in range(len(self._tokenizer)))
            # A token that is a piece of a character's bytes decodes to the replacement character.
            last = stop[-1] if stop[-1].isascii() else stop[-1] + "\N{REPLACEMENT CHARACTER}"
            self._completing[stop] = frozenset(t for t, text in enumerate(texts) if not set(last).isdisjoint(text))
        return self._completing[stop]

    def _ends(self, token_ids: Sequence[int], stop: str) -> bool:
        length = len(stop.encode())
        return length == 1 or stop in self._tokenizer.decode(list(token_ids[-length - 1 :]))


def end_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """The tokenizer's end token, and those of the model's generation config, which may name several."""
    named = getattr(model.generation_config, "eos_token_id", None)
    listed = named if isinstance(named, list) else [named]
    return frozenset(token for token in (*listed, tokenizer.eos_token_id) if token is not None)
