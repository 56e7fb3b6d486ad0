"""What searches against a process model came to, and the figures of it. Free of torch: the main process has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mcts.step import Step
from mcts.trajectory import Trajectory
from mcts.votes import Aggregation, aggregate
from prm.judging.scored import ScoredSolution
from prm.probing.tempting import right_and_tempting
from tasks.problem import Outcome, Problem, StepOracle, Verdict
from tasks.readers.labelled import LabelledSolution

METHODS = {"best_of_n": "best of N", "mcts": "tree search"}
"""The searches, and what people call them."""

CHOSEN_WRONG, ABOVE = range(2)
"""The columns of ``misled``."""


@dataclass(frozen=True, slots=True)
class Found:
    """A solution that a search (``how``) came to: the model's score of each step, and what the verifier says."""

    how: str
    steps: tuple[Step, ...]
    scores: tuple[float, ...]
    verdict: Verdict

    @property
    def is_right(self) -> bool:
        """Is it correct? An answer that cannot be read is not."""
        return self.verdict.outcome is Outcome.CORRECT

    def trajectory(self, problem: Problem) -> Trajectory:
        """The solution by itself, its steps numbered from 1."""
        count = len(self.steps)
        return Trajectory(problem.id, tuple(range(1, count + 1)), self.steps, (0.0,) * count, self.verdict)


def misled(found: Sequence[Sequence[Found]], how: str, choose_by: Aggregation) -> np.ndarray:
    """[P, 2], of each problem: is the solution that ``how`` chooses wrong; does a wrong one score above all right ones?

    Of several best ones their share; equal scores of the best wrong and right one count half. nan: nothing was found,
    and in the second column also where not both kinds were.
    """
    rows = []
    for own in found:
        scored = [(aggregate(one.scores, choose_by), one.is_right) for one in own if one.how == how]
        top = max((score for score, _ in scored), default=None)
        best = {kind: max((s for s, is_right in scored if is_right is kind), default=None) for kind in (True, False)}
        chosen = [not is_right for score, is_right in scored if score == top]
        right, wrong = best[True], best[False]
        above = np.nan if right is None or wrong is None else 1.0 if wrong > right else 0.5 if wrong == right else 0.0
        rows.append((float(np.mean(chosen)) if chosen else np.nan, above))
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def adversarial(
    problem: Problem, own: Sequence[Found], choose_by: Aggregation, otherwise: float, most: int
) -> tuple[list[Found], list[Found]]:
    """The wrong solutions that are worth learning from, highest score first, and right ones, lowest score first.

    ``most`` of either, and no more right than wrong ones. ``otherwise``: see ``right_and_tempting``.
    """
    by_ids = {one.trajectory(problem).token_ids: one for one in own}
    thought = {ids: aggregate(one.scores, choose_by) for ids, one in by_ids.items()}
    right, wrong = right_and_tempting([one.trajectory(problem) for one in own], thought, otherwise)
    worst_first = sorted(wrong, key=lambda ids: (-thought[ids], ids))[:most]
    beaten_first = sorted(right, key=lambda ids: (thought[ids], ids))[: len(worst_first)]
    return [by_ids[ids] for ids in worst_first], [by_ids[ids] for ids in beaten_first]


def with_true_labels(
    problems: Sequence[Problem], found: Sequence[Sequence[Found]], oracle: StepOracle
) -> list[ScoredSolution]:
    """The solutions of best of N with the labels of the task's oracle, to be measured by; of problems that it knows."""
    scored = []
    for problem, own in zip(problems, found, strict=True):
        for one in own:
            texts = tuple(step.text for step in one.steps)
            try:
                labels = tuple(1.0 if right else -1.0 for right in oracle.step_labels(problem, list(texts)))
            except ValueError:
                break
            if one.how == "best_of_n":
                scored.append(ScoredSolution(LabelledSolution(problem.prompt, texts, labels), one.scores))
    return scored
