"""Direct preference optimisation, of single steps: prefer the better step to the worse one after the same beginning.

    loss = -log sigmoid(beta * [(log pi(w) - log ref(w)) - (log pi(l) - log ref(l))])

log pi(w) is the sum over the tokens of the preferred step w given prompt and prefix, l the rejected step, ref the
policy at the start. With label smoothing a the loss is 1 - a times that plus a times the same for the swapped pair.
Source: DPO (arXiv 2305.18290, eq. 7), on steps: Step-DPO (arXiv 2406.18629), pairs from search, and a = N(l) / (N(w) +
N(l)) from the visits N that the search gave the steps: MCTS-DPO (arXiv 2405.00451).
Shape legend: P pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch.nn.functional import logsigmoid
from transformers import PreTrainedModel

from lm.logprobs import shared_logprobs
from lm.rows import TextRow
from lm.train import LossSum

_AT_ONCE = 64  # pairs read together without gradients


@dataclass(frozen=True, slots=True)
class StepPair:
    """Two continuations of one prompt and prefix. ``margin``: the reference's log pi(w) - log pi(l), in nats."""

    chosen: TextRow
    rejected: TextRow
    margin: float = 0.0
    smoothing: float = 0.0  # a: how likely the label is wrong, in [0, 0.5)

    @property
    def length(self) -> int:
        """Tokens of the longer side."""
        return max(self.chosen.length, self.rejected.length)

    @property
    def problem_id(self) -> str:
        """Whose steps they are."""
        return self.chosen.problem_id


@dataclass(frozen=True, slots=True)
class DpoLoss:
    """A ``lm.train`` loss; its unit is the pair."""

    beta: float

    def __call__(self, model: PreTrainedModel, pairs: list[StepPair]) -> LossSum[StepPair]:
        away_P = margins(model, pairs)
        reference_P = torch.tensor([pair.margin for pair in pairs], device=away_P.device)
        smoothing_P = torch.tensor([pair.smoothing for pair in pairs], device=away_P.device)
        logits_P = self.beta * (away_P - reference_P)
        loss_P = -(1 - smoothing_P) * logsigmoid(logits_P) - smoothing_P * logsigmoid(-logits_P)
        return LossSum(loss_P.sum(), float(len(pairs)))


def margins(model: PreTrainedModel, pairs: Sequence[StepPair]) -> torch.Tensor:
    """log pi(chosen) - log pi(rejected) of each pair, [P]; what the sides share is computed once."""
    rows = [row for pair in pairs for row in (pair.chosen, pair.rejected)]
    logprobs_N, _ = shared_logprobs(model, rows)
    sums = torch.stack([part.sum() for part in logprobs_N.split([row.learned for row in rows])])
    return sums[0::2] - sums[1::2]


@torch.no_grad()
def with_margins(model: PreTrainedModel, pairs: Sequence[StepPair]) -> list[StepPair]:
    """The pairs with the margins of ``model``, the reference."""
    result: list[StepPair] = []
    for start in range(0, len(pairs), _AT_ONCE):
        part = pairs[start : start + _AT_ONCE]
        values = margins(model, part).tolist()
        result += [replace(pair, margin=value) for pair, value in zip(part, values, strict=True)]
    return result
