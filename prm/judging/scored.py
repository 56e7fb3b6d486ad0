"""What is judged: labelled solutions with the score that a model gave each step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

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


def score_solutions(
    prm: Prm, solutions: Iterable[LabelledSolution], follow: Callable[[int], None] = lambda done: None
) -> list[ScoredSolution]:
    """Score every solution once, in order. UserError for a score that is missing or not a finite number.

    ``follow`` hears how many are done.
    """
    found = []
    for number, one in enumerate(solutions, start=1):
        found.append(ScoredSolution(one, checked_scores(prm, one.prompt, one.steps)))
        follow(number)
    return found


def checked_scores(prm: Prm, prompt: str, steps: Sequence[str]) -> tuple[float, ...]:
    """The scores of one solution's steps; raises as ``score_solutions``."""
    scores = tuple(map(float, prm.scores(prompt, steps)))
    if len(scores) != len(steps):
        raise UserError(
            f"the PRM gives {len(scores)} scores for {len(steps)} steps of {prompt[:60]!r}; use its own kind"
        )
    for at, score in enumerate(scores):
        if not math.isfinite(score):
            raise UserError(
                f"the PRM scores step {at} of {prompt[:60]!r} as {score}; train it with a lower learning rate"
            )
    return scores


def probability(value: float) -> float:
    """A label or score in [-1, 1] as a probability. ValueError outside."""
    if not -1 <= value <= 1:
        raise ValueError(f"a score must lie in [-1, 1] to be a probability, got {value}")
    return (1 + value) / 2
