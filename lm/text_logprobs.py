"""A model folder as a measure of text: how likely is one behind another? Implements tasks.graders.base.LogProbs."""

from __future__ import annotations

from pathlib import Path

from lm.folder import load_policy, load_tokenizer
from lm.logprobs import score_rows
from lm.rows import TextRow


class FolderLogProbs:
    """The policy in a local Hugging Face folder. Raises UserError and DataError as ``lm.folder`` does."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        self._tokenizer = load_tokenizer(folder)
        self._model = load_policy(folder, device)
        self.parameters = sum(parameter.numel() for parameter in self._model.parameters())
        self.tokens = 0  # read so far
        self._longest = int(getattr(self._model.config, "max_position_embeddings", 0)) or None

    def log_prob(self, context: str, text: str) -> tuple[float, int]:
        """The sum of the natural log-probabilities of the text's tokens behind the context's, and their number.

        The two are encoded apart, and the end token stands in front, so that a first token has something before it.
        ValueError if they are longer than the model's context.
        """
        end = self._tokenizer.eos_token_id
        before = [end, *self._tokenizer.encode(context, add_special_tokens=False)]
        ids = self._tokenizer.encode(text, add_special_tokens=False)
        if self._longest is not None and len(before) + len(ids) > self._longest:
            raise ValueError(f"{len(before) + len(ids)} tokens, and the policy's context takes {self._longest}")
        self.tokens += len(before) + len(ids)
        (found,) = score_rows(self._model, [TextRow("text", tuple(before), tuple(ids))], end)
        return sum(found), len(ids)
