"""What every loss of a process model is to the training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from transformers import PreTrainedModel

from lm.train import LossSum
from prm.step_rows import StepRow


class PrmLoss(Protocol):
    """A loss on labelled solutions: it says which head it needs, makes its training rows and sums up over them.

    ``outputs``: of the head; 1 is a scalar head, 2 and 3 are classes, 0 a language model without a head.
    ``on_outcomes``: it learns from how solutions ended, and from no label of a step.
    """

    @property
    def outputs(self) -> int: ...
    @property
    def on_outcomes(self) -> bool: ...

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[Any]:
        """Training rows; ``start`` is the model before it is trained. UserError where the labels do not serve."""
        ...

    def __call__(self, model: PreTrainedModel, rows: list[Any], /) -> LossSum[Any]: ...
