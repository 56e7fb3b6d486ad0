"""How well a process model judges steps of problems that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prm.judging.fidelity import ranking
from prm.step_rows import StepRow
from tasks.readers.care import problem_key
from tasks.readers.labelled import LabelledSolution
from tasks.splits import content_hash


@dataclass(frozen=True, slots=True)
class Judged:
    """Values against labels, of ``count`` things with a label other than 0.

    ``accuracy``: share whose value has the sign of its label; ``majority``: what naming the larger side would get;
    ``order``: chance that one with a label above 0 gets a higher value than one below (area under the ROC curve; a tie
    counts half), None if there is but one side. A loss that only ranks has no sign to speak of: look at the order.
    """

    count: int
    accuracy: float | None
    majority: float | None
    order: float | None


def split(
    solutions: Sequence[LabelledSolution], share: float, seed: int
) -> tuple[list[LabelledSolution], list[LabelledSolution]]:
    """Solutions to train on, and those of ``share`` of the problems, held out: no problem is on both sides.

    Which problems these are is decided by their prompts and the seed, however white space and capitals are written.
    """
    keys = {problem_key(one.prompt) for one in solutions}
    ordered = sorted(keys, key=lambda key: content_hash(f"{seed} {key}"))
    held_out = set(ordered[: round(share * len(ordered))])
    parts: tuple[list[LabelledSolution], list[LabelledSolution]] = ([], [])
    for one in solutions:
        parts[problem_key(one.prompt) in held_out].append(one)
    return parts


def judge(values: Sequence[float], labels: Sequence[float]) -> Judged:
    """Compare; a label of 0 has no side and is left out."""
    pairs = [(value, label > 0) for value, label in zip(values, labels, strict=True) if label]
    if not pairs:
        return Judged(0, None, None, None)
    found = np.array([value for value, _ in pairs])
    right = np.array([side for _, side in pairs])
    hits = np.where(right, found > 0, found < 0)
    return Judged(len(pairs), float(hits.mean()), float(max(right.mean(), 1 - right.mean())), ranking(found, right))


def judge_steps(values: Sequence[Sequence[float]], rows: Sequence[StepRow]) -> Judged:
    """Over all labelled steps."""
    pairs = [(own[at], row.labels[at]) for own, row in zip(values, rows, strict=True) for at in row.judged]
    return judge([value for value, _ in pairs], [label or 0.0 for _, label in pairs])


def judge_ends(values: Sequence[Sequence[float]], rows: Sequence[StepRow]) -> Judged:
    """Over the solutions of which it is known how they ended: does the value of their last step tell?"""
    pairs = [(own[-1], row.ending) for own, row in zip(values, rows, strict=True) if row.ending is not None]
    return judge([value for value, _ in pairs], [label for _, label in pairs])
