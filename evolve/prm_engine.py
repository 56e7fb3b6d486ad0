"""The engine that writes the verifications of a generative process model: the policies' own."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from policy.engine import GenerateRequest, Sampling
from policy.hf_engine import HfEngine
from prm.generative.asking import Asked


class EngineWrites:
    """Implements ``prm.generative.asking.Writes``. Every call starts with nothing kept, so calls do not touch each
    other's last bits."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self._engine = HfEngine(model, tokenizer)

    def write(self, asked: Sequence[Asked]) -> list[list[tuple[int, ...]]]:
        """The sampled ids, the end token included."""
        requests = [
            GenerateRequest(
                each.ids,
                each.count,
                Sampling(each.temperature, max_tokens=each.max_tokens, stop=(each.stop,) if each.stop else ()),
                each.seed,
            )
            for each in asked
        ]
        answers = self._engine.generate(requests)
        self._engine.forget()
        return [[one.token_ids for one in answer] for answer in answers]
