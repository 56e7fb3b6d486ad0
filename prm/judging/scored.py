"""What is judged: labelled solutions with the score that a model gave each step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tasks.errors import UserError
from tasks.readers.labelled import LabelledSolution


class Prm(Protocol):
    """Any process reward model: one score a step, in [-1, 1] as labels are, of the step after those before it."""

    def scores(self, prompt: str, steps: Sequence[str]) -> list[float]: ...


@dataclass(frozen=True, slots=True)
class ScoredSolution:
    """A solution with a finite score for each step."""

    solution: LabelledSolution
    scores: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.scores) != len(self.solution.steps):
            raise ValueError(f"{len(self.scores)} scores do not fit {len(self.solution.steps)} steps")

    @property
    def judged(self) -> list[tuple[float, float]]:
        """(score, label) of the steps that have a label."""
        return [
            (score, label) for score, label in zip(self.scores, self.solution.labels, strict=True) if label is not None
        ]


@runtime_checkable
class SolutionPrm(Protocol):
    """A PRM that reads whole solutions: their sampled token ids where there are some, and several at once."""

    def values(self, solutions: Sequence[LabelledSolution]) -> list[list[float] | None]:
        """None: it has no scores for that solution."""
        ...


def score_solutions(prm: Prm | SolutionPrm, solutions: Sequence[LabelledSolution]) -> list[tuple[float, ...] | None]:
    """The scores of every solution, in order; None where the PRM has none.

    UserError for a score that is missing or not a finite number.
    """
    if isinstance(prm, SolutionPrm):
        found = prm.values(solutions)
        pairs = zip(solutions, found, strict=True)
        return [None if scores is None else _checked(scores, one.prompt, one.steps) for one, scores in pairs]
    return [_checked(prm.scores(one.prompt, one.steps), one.prompt, one.steps) for one in solutions]


def _checked(given: Sequence[float], prompt: str, steps: Sequence[str]) -> tuple[float, ...]:
    scores = tuple(map(float, given))
    if len(scores) != len(steps):
        raise UserError(f"the PRM gives {len(scores)} scores for {len(steps)} steps of {prompt[:60]!r}; name its kind")
    for at, score in enumerate(scores):
        if not math.isfinite(score):
            raise UserError(f"the PRM scores step {at} of {prompt[:60]!r} as {score}; train it again, more slowly")
    return scores


def probability(value: float) -> float:
    """A label or score in [-1, 1] as a probability. ValueError outside."""
    if not -1 <= value <= 1:
        raise ValueError(f"a score must lie in [-1, 1] to be a probability, got {value}")
    return (1 + value) / 2
