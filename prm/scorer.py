"""The PPM as the search sees it: prefixes in, values in [-1, 1] out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mcts.step import ScoreRequest, joined
from prm.answer_prompt import refuse_seen_answers
from prm.model import BATCH_TOKENS, PromptIds, load_ppm, score_rows
from tasks.errors import UserError


@dataclass(slots=True)
class ScoreCounts:
    """What a scorer has done so far. ``scored``: tokens of distinct rows, however few of them had to be computed."""

    scored: int = 0
    rows: int = 0


class Scorer(Protocol):
    """A PPM behind some engine. It is a ``mcts.step.Evaluator`` that counts what it computes."""

    counts: ScoreCounts

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]:
        """One value in [-1, 1] per request, in order."""
        ...


class HfScorer:
    """A PPM folder on transformers.

    A request becomes the ids of its prompt (``prompt_ids`` of the problem's prompt: the function the policy is
    prompted with) followed by the token ids of its steps exactly as they were sampled and observed; the value is tanh
    of the score at the last one. A row that occurs more than once in a call is computed once. A folder that sees the
    reference answer is refused.
    """

    def __init__(
        self,
        path: Path | str,
        prompt_ids: PromptIds,
        device: str = "cpu",
        batch_tokens: int = BATCH_TOKENS,
    ) -> None:
        refuse_seen_answers(path, "to guide a search")
        self._model = load_ppm(path, device)
        self._path = path
        self._prompt_ids = prompt_ids
        self._batch_tokens = batch_tokens
        self.counts = ScoreCounts()

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]:
        """One value in [-1, 1] per request, in order. UserError if a score is not finite."""
        rows = [row_of(request, self._prompt_ids) for request in requests]
        scores = score_rows(self._model, rows, self._batch_tokens)
        self.counts.rows += len(scores)
        self.counts.scored += sum(map(len, scores))
        return values_of(requests, [scores[row] for row in rows], self._path)


def row_of(request: ScoreRequest, prompt_ids: PromptIds) -> tuple[int, ...]:
    """The token ids whose last one is scored; what the last step's code printed is known by then."""
    return (*prompt_ids(request.problem.prompt), *joined(request.prefix))


def values_of(requests: Sequence[ScoreRequest], scores: Sequence[float], path: Path | str) -> list[float]:
    """Raw scores to values: tanh. UserError if one is not finite."""
    for score, request in zip(scores, requests, strict=True):
        if not math.isfinite(score):
            raise UserError(
                f"{path}: the PPM scores a step of problem {request.problem.id} as {score}; "
                "train it again with a lower learning rate"
            )
    return [math.tanh(score) for score in scores]
