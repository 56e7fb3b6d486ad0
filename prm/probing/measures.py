"""How much a rewriting moves a model's scores and verdicts, although it changes nothing that they are about.

A verdict on a step is "wrong" where its score lies below a threshold, one on a solution where any step's does. A step
that covers several of the original is held against the lowest of their scores.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from prm.judging.first_error import first_below
from prm.judging.scored import ScoredSolution
from prm.probing.perturbed import Perturbed
from tasks.problem import Problem, StepOracle
from tasks.readers.labelled import LabelledSolution

SHIFT, WAS, IS, RIGHT = range(4)
"""The columns of ``solution_row``."""


@dataclass(frozen=True, slots=True)
class Probed:
    """A solution with its scores, and those of the steps (``covers``) that it was rewritten to.

    ``is_right``: is the whole solution right? None: nobody knows.
    """

    before: ScoredSolution
    after: tuple[float, ...]
    covers: tuple[tuple[int, ...], ...]
    is_right: bool | None


def truth_of(one: ScoredSolution, valued: bool) -> bool | None:
    """Is a solution right? As its step labels say, all of which must be known; with values, as its verdict says."""
    solution = one.solution
    if valued:
        return None if solution.reward is None else solution.reward > 0.5
    if solution.first_error >= 0:
        return False
    return None if None in solution.labels else True


def is_kept(oracle: StepOracle, original: LabelledSolution, new: Perturbed) -> bool | None:
    """Does the task's oracle find each step as right or wrong as what it covers?

    None: it does not know the problem, or no step was right, so that hardly anything could change.
    An oracle that asks for an exact form does not, where people would: then the rewriting is no paraphrase to the task.
    """
    problem = Problem("", original.prompt, original.answer)
    try:
        before, after = (oracle.step_labels(problem, list(each.steps)) for each in (original, new.solution))
    except ValueError:
        return None
    if not any(before):
        return None
    pairs = zip(after, new.covers, strict=True)
    return all(label == all(before[at] for at in covers) for label, covers in pairs if covers)


def step_shifts(one: Probed, threshold: float) -> np.ndarray:
    """[S, 2]: of each step that covers some of the original: the shift of its score, and 1 if its verdict flipped."""
    rows = []
    for score, covers in zip(one.after, one.covers, strict=True):
        if covers:
            before = min(one.before.scores[at] for at in covers)
            rows.append((score - before, float((score < threshold) != (before < threshold))))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def solution_row(one: Probed, threshold: float, combine: Callable[[Sequence[float]], float]) -> np.ndarray:
    """[1, 4]: shift of the solution's score, was it found wrong, is it now, and is it right (nan: unknown)."""
    right = float("nan") if one.is_right is None else float(one.is_right)
    was, found = (float(first_below(scores, threshold) >= 0) for scores in (one.before.scores, one.after))
    return np.array([(combine(one.after) - combine(one.before.scores), was, found, right)], dtype=np.float64)


def mean_of(column: int) -> Callable[[np.ndarray], float | None]:
    """The mean of a column; None of nothing."""
    return lambda rows: float(rows[:, column].mean()) if len(rows) else None


def flipped(rows: np.ndarray) -> float | None:
    """Share of the solutions with another verdict than before."""
    return float((rows[:, WAS] != rows[:, IS]).mean()) if len(rows) else None


def fooled(rows: np.ndarray) -> float | None:
    """Of the wrong solutions that were found wrong, the share that now passes. None without such ones."""
    caught = rows[(rows[:, RIGHT] == 0) & (rows[:, WAS] == 1)]
    return float((caught[:, IS] == 0).mean()) if len(caught) else None


def alarmed(rows: np.ndarray) -> float | None:
    """Of the right solutions that passed, the share that is now found wrong. None without such ones."""
    passed = rows[(rows[:, RIGHT] == 1) & (rows[:, WAS] == 0)]
    return float((passed[:, IS] == 1).mean()) if len(passed) else None
