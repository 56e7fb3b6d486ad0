"""The implicit process model: a language model whose log-ratio to a frozen reference is the reward of each token.

    u_t = beta (log pi_phi(y_t | ...) - log pi_ref(y_t | ...)),   p = sigmoid(sum over t of u_t)
    l = -(r log p + (1 - r) log(1 - p))

It is trained on outcomes r alone, and the sum up to a step stands for that step's Q (Yuan et al., arXiv 2412.01981,
proposition 3.1). The mean of the loss is over trajectories. Source: PRIME (arXiv 2502.01456, section 3), which trains
it beside the policy.

Shape legend: N tokens of all trajectories, one after the other; R trajectories.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from transformers import PreTrainedModel

from lm.logprobs import shared_logprobs
from lm.per_token import read_tokens
from lm.rows import TextRow
from lm.train import LossSum
from prm.row_group import RowGroup


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """A trajectory with its outcome reward in [0, 1] and, per target token, the reference's log-prob."""

    row: TextRow
    reward: float
    reference: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.reference) != self.row.learned:
            count = f"{self.row.learned} tokens, but {len(self.reference)} reference log-probs"
            raise ValueError(f"problem {self.row.problem_id}: {count}")


class ImplicitLoss:
    """The cross-entropy of judged groups."""

    def __init__(self, beta: float) -> None:
        self._beta = beta

    def __call__(self, model: PreTrainedModel, groups: list[RowGroup[JudgedRow]]) -> LossSum[RowGroup[JudgedRow]]:
        rows = [one for group in groups for one in group.rows]
        logprobs_N = shared_logprobs(model, [one.row for one in rows])[0]
        reference_N = logprobs_N.new_tensor([value for one in rows for value in one.reference])
        lengths = [len(one.reference) for one in rows]
        rewards_R = logprobs_N.new_tensor([one.reward for one in rows])
        return LossSum(implicit_losses(logprobs_N, reference_N, lengths, rewards_R, self._beta).sum(), len(rows))


def implicit_losses(
    logprobs_N: torch.Tensor, reference_N: torch.Tensor, lengths: Sequence[int], rewards_R: torch.Tensor, beta: float
) -> torch.Tensor:
    """The cross-entropy of every trajectory, [R]; ``lengths``: its tokens."""
    ratios = (beta * (logprobs_N - reference_N)).split(list(lengths))
    logits_R = torch.stack([ratio.sum() for ratio in ratios])
    return binary_cross_entropy_with_logits(logits_R, rewards_R, reduction="none")


def logprobs(model: PreTrainedModel, rows: Sequence[TextRow]) -> list[list[float]]:
    """For each row, the log-prob (nats) of each of its target tokens; without gradients."""
    return read_tokens(rows, lambda part: shared_logprobs(model, part)[0])
