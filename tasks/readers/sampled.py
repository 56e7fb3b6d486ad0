"""Sampled solutions of problems with a recorded verdict each, to choose from: no step is labelled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import DataError
from tasks.reader import read_rows
from tasks.readers.fields import MalformedRow, field_of, texts_of


@dataclass(frozen=True, slots=True)
class SampledSolutions:
    """A problem's solutions: texts, final answers (None: there is none), verdicts, and scores if any were recorded."""

    prompt: str
    texts: tuple[str, ...]
    answers: tuple[str | None, ...]
    right: tuple[bool, ...]
    scores: tuple[float, ...] | None = None


def read_sampled(path: Path) -> list[SampledSolutions]:
    """Rows ``{question, response: [text], pred: [text], score: [bool], pred_score: [[number]]}``, one a problem.

    ``pred_score`` (a reward model's score of each solution) may be missing, but not from some rows only; every problem
    has as many solutions as the first. DataError (file and line) for anything else.
    """
    found: list[SampledSolutions] = []
    for number, row in read_rows(path):
        try:
            one = _sampled(row)
            if found and len(found[0].texts) != len(one.texts):
                raise MalformedRow(f"there are {len(one.texts)} solutions, and {len(found[0].texts)} in the first row")
            if found and (found[0].scores is None) != (one.scores is None):
                raise MalformedRow("the field 'pred_score' must be in all rows, or in none")
        except MalformedRow as error:
            raise DataError(f"{path}:{number}: {error}; mend or remove the line") from error
        found.append(one)
    if not found:
        raise DataError(f"{path}: there is no problem; give one a line")
    return found


def _sampled(row: dict[str, Any]) -> SampledSolutions:
    texts, right = texts_of(row, "response"), field_of(row, "score", list)
    answers = field_of(row, "pred", list)
    if not texts:
        raise MalformedRow("the field 'response' is empty")
    if not all(isinstance(each, bool) for each in right):
        raise MalformedRow(f"the field 'score' must be a list of true and false, but it is {str(right)[:80]}")
    if not all(each is None or isinstance(each, str) for each in answers):
        raise MalformedRow("the field 'pred' must be a list of texts or null")
    scores = tuple(map(_score, field_of(row, "pred_score", list))) if "pred_score" in row else None
    for name, found in (("score", right), ("pred", answers), ("pred_score", scores)):
        if found is not None and len(found) != len(texts):
            raise MalformedRow(f"the field {name!r} has {len(found)} entries for {len(texts)} solutions")
    return SampledSolutions(
        field_of(row, "question", str), texts, tuple(each or None for each in answers), tuple(right), scores
    )


def _score(value: Any) -> float:
    single = value[0] if isinstance(value, list) and len(value) == 1 else value
    if isinstance(single, bool) or not isinstance(single, int | float) or not math.isfinite(single):
        raise MalformedRow(f"the field 'pred_score' must hold a number a solution, but it holds {str(value)[:80]}")
    return float(single)
