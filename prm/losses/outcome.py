"""Outcome reward models: what is learned is whether the whole solution is right, read at its last token.

    outcome_bce:      l = -(r log q + (1 - r) log(1 - q)),  q = sigmoid(2 s)
    outcome_ranking:  l = -log sigmoid(s_right - s_wrong)

r is 1 for a right solution and 0 for a wrong one (``prm.step_rows.StepRow.ending``). The first is averaged over
solutions; the second over the pairs of a problem, then over problems. Sources: Cobbe et al. (arXiv 2110.14168, section
4.2) for the verifier; InstructGPT (arXiv 2203.02155, eq. 1) for the ranking. A step's value is the score read at its
end: how likely it is, as the model has it, that a solution which begins so ends right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from transformers import PreTrainedModel

from lm.train import LossSum
from prm.losses.classes import outcome_of
from prm.losses.soft_bce import SoftBce
from prm.step_rows import StepRow
from prm.train import NodePairs, node_loss
from tasks.errors import UserError


class OutcomeBce(SoftBce):
    """``prm.losses.soft_bce`` at the last step alone."""

    on_outcomes = True

    def __init__(self, threshold: float | None = None) -> None:
        self._threshold = threshold

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[StepRow]:
        """The solutions, the last step alone labelled. UserError where an outcome is missing."""
        return [only_outcome(row, self._threshold) for row in solutions]


class OutcomeRanking:
    """Each right solution of a problem above each wrong one."""

    outputs = 1
    on_outcomes = True

    def __init__(self, threshold: float | None = None) -> None:
        self._threshold = threshold

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[NodePairs]:
        """One training row a problem with both kinds of solutions. UserError if there is none."""
        by_problem: dict[str, dict[tuple[int, ...], bool]] = {}
        for row in solutions:
            by_problem.setdefault(row.problem_id, {})[row.prefixes()[-1]] = outcome_of(row, self._threshold)
        nodes = [(name, tuple(ends), _pairs(list(ends.values()))) for name, ends in by_problem.items()]
        found = [NodePairs(name, ends, pairs) for name, ends, pairs in nodes if pairs]
        if not found:
            raise UserError(
                "no problem has both a right and a wrong solution, so there are no pairs; label more solutions of each "
                "problem, or use loss=outcome_bce"
            )
        return found

    def __call__(self, model: PreTrainedModel, rows: list[NodePairs]) -> LossSum[NodePairs]:
        return node_loss(model, rows)


def only_outcome(row: StepRow, threshold: float | None) -> StepRow:
    """The row with a label at its last step alone: 1 or -1."""
    last = 1.0 if outcome_of(row, threshold) else -1.0
    return replace(row, labels=(None,) * (len(row.steps) - 1) + (last,))


def _pairs(right: list[bool]) -> tuple[tuple[int, int], ...]:
    better, worse = ([at for at, each in enumerate(right) if each is wanted] for wanted in (True, False))
    return tuple(product(better, worse))
