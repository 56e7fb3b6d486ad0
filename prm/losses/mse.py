"""Squared distance of the value to the label.

    l = (tanh(s) - label)^2

The mean is over steps. Source: rStar-Math (arXiv 2501.04519, section 4.3 and the ablation of its reward model), where a
label is the Q of the tree and the model is called PQM; not to be mixed up with the ranking of ``prm.losses.q_ranking``.

Shape legend: N judged steps of all solutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from lm.train import LossSum
from prm.losses.soft_bce import scores_and_labels
from prm.step_rows import StepRow


class Mse:
    """The squared error at every judged step end."""

    outputs = 1
    on_outcomes = False

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[StepRow]:
        """The solutions themselves."""
        return list(solutions)

    def __call__(self, model: PreTrainedModel, rows: list[StepRow]) -> LossSum[StepRow]:
        scores_N, labels_N = scores_and_labels(model, rows)
        return LossSum(mse_losses(scores_N, labels_N).sum(), len(labels_N))


def mse_losses(scores_N: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
    """The loss of every step, [N]."""
    return (torch.tanh(scores_N) - labels_N) ** 2
