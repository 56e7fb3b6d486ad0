"""Cross-entropy with a probability for each step, the label being 2p - 1 of it.

    l = -(p log q + (1 - p) log(1 - q)),   p = (1 + label) / 2,   q = sigmoid(2 s)

with s the raw score: the value that is used, tanh(s), is then 2q - 1. The mean is over steps. Source: Math-Shepherd
(Wang et al., arXiv 2312.08935, section 3.3), whose soft labels p are the share of continuations that end right; with
labels of 1 and -1 it is the same as its hard estimation.

Shape legend: N judged steps of all solutions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedModel

from lm.train import LossSum
from prm.model import last_token_scores
from prm.step_rows import StepRow


class SoftBce:
    """The cross-entropy at every judged step end."""

    outputs = 1
    on_outcomes = False

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[StepRow]:
        """The solutions themselves."""
        return list(solutions)

    def __call__(self, model: PreTrainedModel, rows: list[StepRow]) -> LossSum[StepRow]:
        scores_N, labels_N = scores_and_labels(model, rows)
        return LossSum(soft_bce_losses(scores_N, labels_N).sum(), len(labels_N))


def scores_and_labels(model: PreTrainedModel, rows: Sequence[StepRow]) -> tuple[torch.Tensor, torch.Tensor]:
    """The raw score and the label, both [N], of every judged step; what solutions share is computed once."""
    scores_N = last_token_scores(model, [prefix for row in rows for prefix in row.judged_prefixes()])
    return scores_N, scores_N.new_tensor([label for row in rows for label in row.known])


def soft_bce_losses(scores_N: torch.Tensor, labels_N: torch.Tensor) -> torch.Tensor:
    """The loss of every step, [N]."""
    return binary_cross_entropy_with_logits(2 * scores_N, (1 + labels_N) / 2, reduction="none")
