"""What the adapters of public models share: texts made harmless, tokens that must be there, states at places."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from tasks.errors import DataError, UserError


class Reader:
    """A model and its tokenizer. DataError for a tokenizer that has more ids than the model.

    ``name``: what the model is called in messages.
    """

    def __init__(self, path: Path | str, name: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model, self.tokenizer = model, tokenizer
        self._path, self._name = path, name
        embeddings = model.get_input_embeddings()
        assert isinstance(embeddings, torch.nn.Embedding)
        if len(tokenizer) > embeddings.num_embeddings:
            raise DataError(
                f"{path}: the tokenizer has {len(tokenizer)} ids and the model {embeddings.num_embeddings}, so they do "
                f"not belong together; name a whole folder of {name}"
            )

    def single(self, text: str) -> int:
        """The id of a token that the model was trained to be read at. DataError if the tokenizer cuts it in pieces."""
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        if len(ids) != 1 or ids[0] == self.tokenizer.unk_token_id:
            raise DataError(
                f"{self._path}: the tokenizer has no token {text!r}, which {self._name} is read at; name a folder of "
                f"{self._name} with its own tokenizer"
            )
        return int(ids[0])

    def plain(self, text: str, *others: str) -> str:
        """The text without the tokenizer's special tokens and ``others``: a step must not be able to end a turn."""
        return without(text, [*self.tokenizer.get_added_vocab(), *others])

    def chat(self, messages: Sequence[dict[str, str]], is_open: bool) -> list[int]:
        """The ids of a conversation; ``is_open``: up to where the assistant would begin.

        DataError without a template.
        """
        if not self.tokenizer.chat_template:
            raise DataError(f"{self._path}: the tokenizer has no chat template, which {self._name} is prompted with")
        text = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=is_open)
        return list(self.tokenizer.encode(str(text), add_special_tokens=False))

    @torch.no_grad()
    def hidden(self, ids: Sequence[int], places: Sequence[int]) -> torch.Tensor:
        """The last hidden state [places, width] (float32). UserError for a row longer than the model reads."""
        context = getattr(self.model.config, "max_position_embeddings", None)
        if context is not None and len(ids) > context:
            raise UserError(f"{self._path} reads {context} tokens, a solution with its prompt has {len(ids)}")
        read = self.model.base_model(input_ids=torch.tensor([list(ids)], device=self.model.device), use_cache=False)
        states: torch.Tensor = read.last_hidden_state[0, list(places)]
        return states.float()

    @torch.no_grad()
    def log_odds(self, ids: Sequence[int], places: Sequence[int], up: int, down: int) -> torch.Tensor:
        """log p(up) - log p(down) of the token that follows each place, by the language model's head."""
        head = self.model.get_output_embeddings()
        assert isinstance(head, torch.nn.Module)
        logits: torch.Tensor = head(self.hidden(ids, places).to(self.model.dtype)).float()
        return logits[:, up] - logits[:, down]

    def places(self, ids: Sequence[int], token: int, count: int) -> list[int]:
        """Where the separator stands: once for each step."""
        found = [place for place, each in enumerate(ids) if each == token]
        if len(found) != count:
            raise UserError(
                f"{self._path}: {count} steps gave {len(found)} separators ({self.tokenizer.decode([token])!r}) in the "
                f"text that {self._name} reads; is the folder's chat template or tokenizer another one's?"
            )
        return found


def without(text: str, words: Sequence[str]) -> str:
    """The text with none of ``words`` in it."""
    while any(word in text for word in words):  # what is left may make a new one
        for word in words:
            text = text.replace(word, "")
    return text


def values(log_odds: torch.Tensor) -> list[float]:
    """2p - 1 of the probability whose log-odds these are."""
    return [float(value) for value in torch.tanh(log_odds.double() / 2)]
