"""What a generative process model asks of the engine that samples it, and how its verdict becomes a score.

For each step m verifications are drawn; behind each the model's next word is its verdict, and with p its probability
of ``right`` against ``wrong`` alone,

    p_i = P(right | question, verification i) / (P(right | ...) + P(wrong | ...)),   value = 2 mean over i of p_i - 1

Source: Generative Verifiers (Zhang et al., arXiv 2408.15240, section 3.3), ThinkPRM (arXiv 2504.16828, section 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lm.rows import TextRow
from prm.generative.config import ReasoningConfig
from prm.implicit import logprobs
from tasks.errors import UserError
from tasks.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class Question:
    """A step to be judged as token ids, up to where the verification begins.

    ``opening`` stands between verification and verdict. ``stop``: a text that ends the verification, besides the
    model's end token; empty for none.
    """

    ids: tuple[int, ...]
    opening: tuple[int, ...]
    stop: str = ""

    @property
    def least(self) -> int:
        """Tokens that a model must be able to read to answer at all: a verification of one, and the verdict."""
        return len(self.ids) + len(self.opening) + 2


@dataclass(frozen=True, slots=True)
class Asked:
    """Ask for ``count`` verifications of at most ``max_tokens`` tokens; the seed fixes them."""

    ids: tuple[int, ...]
    count: int
    max_tokens: int
    temperature: float
    stop: str
    seed: int


class Writes(Protocol):
    """An engine, seen from here: the sampled ids of ``count`` verifications for each request, in order."""

    def write(self, asked: Sequence[Asked]) -> list[list[tuple[int, ...]]]: ...


MakeWrites = Callable[[PreTrainedModel, PreTrainedTokenizerFast], Writes]


class Reads(Protocol):
    """How a model's verifications are read: ``right`` and ``wrong`` are the tokens of its verdicts."""

    @property
    def right(self) -> int: ...
    @property
    def wrong(self) -> int: ...

    def verification(self, question: Question, sampled: tuple[int, ...]) -> tuple[int, ...]:
        """The ids of the verification, without whatever ended it."""
        ...


@dataclass(slots=True)
class JudgingCounts:
    """What judging took: steps scored, verifications written (or answers asked), and the tokens sampled for them."""

    steps: int = 0
    verifications: int = 0
    generated: int = 0


class Verdicts:
    """Scores of steps by a model that reasons. ``longest``: tokens of a verification where the options say nothing."""

    def __init__(
        self, model: PreTrainedModel, writes: Writes, reads: Reads, config: ReasoningConfig, longest: int, seed: int
    ) -> None:
        self.counts = JudgingCounts()
        self._model, self._writes, self._reads = model, writes, reads
        self._config, self._seed = config, seed
        self._longest = config.max_tokens or longest
        self._context = getattr(model.config, "max_position_embeddings", None)

    def values(self, questions: Sequence[Question]) -> list[float]:
        """A value in [-1, 1] for each question; equal ones are asked once. UserError for one that is too long."""
        distinct = list(dict.fromkeys(questions))
        answers = self._writes.write([self._ask(question) for question in distinct])
        read = [
            [self._reads.verification(question, sampled) for sampled in answer]
            for question, answer in zip(distinct, answers, strict=True)
        ]
        self.counts.steps += len(distinct)
        self.counts.verifications += sum(map(len, answers))
        self.counts.generated += sum(len(sampled) for answer in answers for sampled in answer)
        shares = iter(self.shares([(q, text) for q, own in zip(distinct, read, strict=True) for text in own]))
        found = {
            question: 2 * fmean(next(shares) for _ in own) - 1 for question, own in zip(distinct, read, strict=True)
        }
        return [found[question] for question in questions]

    def shares(self, pairs: Sequence[tuple[Question, tuple[int, ...]]]) -> list[float]:
        """P(right) / (P(right) + P(wrong)) behind each question and verification; without gradients."""
        rows = [
            TextRow("", (*question.ids, *text, *question.opening), (word,))
            for question, text in pairs
            for word in (self._reads.right, self._reads.wrong)
        ]
        found = logprobs(self._model, rows)
        odds = [right[0] - wrong[0] for right, wrong in zip(found[::2], found[1::2], strict=True)]
        return [(1 + math.tanh(each / 2)) / 2 for each in odds]  # sigmoid, which overflows nowhere

    def _ask(self, question: Question) -> Asked:
        room = self._longest
        if self._context is not None:
            room = min(room, self._context - len(question.ids) - len(question.opening) - 1)
        if room < 1:
            raise UserError(
                f"the model reads {self._context} tokens, and a step with what stands before it has "
                f"{len(question.ids)}, which leaves no room for a verification; use a model with a longer context"
            )
        seed = derive_seed(self._seed, "verification", ",".join(map(str, question.ids)))
        config = self._config
        return Asked(question.ids, config.verifications, room, config.temperature, question.stop, seed)
