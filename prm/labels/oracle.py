"""The task's own knowledge of its steps: what all other labels are measured by. Never for training.

The rows say ``measuring_only`` in ``meta``, which a training refuses.
"""

from __future__ import annotations

from collections.abc import Sequence

from mcts.step import Step
from prm.labels.base import Costs, Unlabelled, labelled
from tasks.problem import Problem, StepOracle
from tasks.readers.labelled import LabelledSolution

MEASURING_ONLY = "measuring_only"
"""The key in ``meta`` of rows that nothing may be trained on."""


def oracle_values(oracle: StepOracle, problem: Problem, steps: Sequence[Step]) -> tuple[float, ...]:
    """1 for a right step, -1 for a wrong one. ValueError for a problem that the oracle does not know."""
    return tuple(1.0 if right else -1.0 for right in oracle.step_labels(problem, [step.text for step in steps]))


class OracleLabels:
    """Labels by a step oracle; solutions of problems that it does not know are left out."""

    def __init__(self, oracle: StepOracle) -> None:
        self.costs = Costs()
        self._oracle = oracle

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]:
        """None for a problem that is unknown to the oracle."""
        return [self._labelled(one) for one in solutions]

    def _labelled(self, one: Unlabelled) -> LabelledSolution | None:
        try:
            labels = oracle_values(self._oracle, one.problem, one.steps)
        except ValueError:
            return None
        return labelled(one, labels, "oracle", None, **{MEASURING_ONLY: True})
