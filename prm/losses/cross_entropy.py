"""Cross-entropy at step ends over classes: wrong and right, or wrong, neutral and right.

    l = -log softmax(x)_c

with x the head's outputs at the step's last token and c the class of its label (-1, 1, or -1, 0, 1 in that order). The
value that is used is the expected label, sum over c of softmax(x)_c v_c (``prm.model.raw_scores``). The mean is over
steps. Sources: three classes, Let's verify step by step (Lightman et al., arXiv 2305.20050, section 2.6); two, the
Qwen2.5-Math-PRM (arXiv 2501.07301, section 2).

Shape legend: N judged steps of all solutions, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from lm.train import LossSum
from lm.tree_attention import last_hidden
from prm.losses.classes import class_of
from prm.model import head_of
from prm.step_rows import StepRow
from tasks.errors import UserError


class CrossEntropy:
    """The cross-entropy of ``outputs`` classes at every judged step end."""

    on_outcomes = False

    def __init__(self, classes: int, threshold: float | None = None) -> None:
        self.outputs = classes
        self._threshold = threshold

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[StepRow]:
        """The solutions themselves. UserError for a label that is no class and for a class without labels."""
        missing = set(range(self.outputs)) - set(self._classes(solutions))
        if missing:
            named = ("wrong", "right") if self.outputs == 2 else ("wrong", "neutral", "right")
            raise UserError(
                f"no label of the data is {' or '.join(named[each] for each in sorted(missing))}, and a class without "
                "labels cannot be learned; label more, or use a loss without that class"
            )
        return list(solutions)

    def __call__(self, model: PreTrainedModel, rows: list[StepRow]) -> LossSum[StepRow]:
        hidden = last_hidden(model, [prefix for row in rows for prefix in row.judged_prefixes()])
        logits_NK = head_of(model)(hidden).float()
        classes_N = torch.tensor(self._classes(rows), device=logits_NK.device)
        return LossSum(cross_entropy_losses(logits_NK, classes_N).sum(), len(classes_N))

    def _classes(self, rows: Sequence[StepRow]) -> list[int]:
        return [class_of(label, self.outputs, self._threshold, row) for row in rows for label in row.known]


def cross_entropy_losses(logits_NK: torch.Tensor, classes_N: torch.Tensor) -> torch.Tensor:
    """The loss of every step, [N]."""
    return cross_entropy(logits_NK, classes_N, reduction="none")
