"""The critic of PPO: a policy's backbone with a scalar head, read before every token of a trajectory.

    l_t = 1/2 max((V_t - R_t)^2, (clip(V_t, V'_t - c, V'_t + c) - R_t)^2)

with V' the value when the update began, R = A' + V' the return that its advantage estimate stands for (GAE, lambda
return) and c = ``cliprange_value``. The mean is over tokens. Source: PPO2 (OpenAI baselines), as Ziegler et al. (arXiv
1909.08593) and TRL have it. It is the same HF folder shape as a PPM: what a value is of is all that differs.

Shape legend: N tokens of all trajectories, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from lm.per_token import hidden_before, read_tokens
from lm.rows import TextRow
from lm.train import LossSum
from prm.model import scalar_head
from prm.row_group import RowGroup


@dataclass(frozen=True, slots=True)
class ValuedRow:
    """A trajectory with, per target token, the return that the critic is to learn and its value before the update."""

    row: TextRow
    returns: tuple[float, ...]
    old: tuple[float, ...]

    def __post_init__(self) -> None:
        count = self.row.learned
        if not len(self.returns) == len(self.old) == count:
            found = f"{len(self.returns)} returns and {len(self.old)} values"
            raise ValueError(f"problem {self.row.problem_id}: {count} tokens, but {found}")


class ValueLoss:
    """The clipped value loss of valued groups."""

    def __init__(self, cliprange_value: float) -> None:
        self._range = cliprange_value

    def __call__(self, model: PreTrainedModel, groups: list[RowGroup[ValuedRow]]) -> LossSum[RowGroup[ValuedRow]]:
        rows = [one for group in groups for one in group.rows]
        values_N = token_values(model, [one.row for one in rows])
        returns_N, old_N = (
            values_N.new_tensor([value for one in rows for value in getattr(one, name)]) for name in ("returns", "old")
        )
        return LossSum(value_losses(values_N, old_N, returns_N, self._range).sum(), len(values_N))


def value_losses(
    values_N: torch.Tensor, old_N: torch.Tensor, returns_N: torch.Tensor, cliprange_value: float
) -> torch.Tensor:
    """The loss of every token, [N]."""
    clipped_N = torch.clamp(values_N, old_N - cliprange_value, old_N + cliprange_value)
    return 0.5 * torch.maximum((values_N - returns_N) ** 2, (clipped_N - returns_N) ** 2)


def token_values(model: PreTrainedModel, rows: Sequence[TextRow]) -> torch.Tensor:
    """The value [N] (float32, in units of the reward) of what stands before each target token; gradients flow."""
    values_N: torch.Tensor = scalar_head(model)(hidden_before(model, rows))[:, 0]
    return values_N.float()


def values(model: PreTrainedModel, rows: Sequence[TextRow]) -> list[list[float]]:
    """For each row, the value before each of its target tokens; without gradients."""
    return read_tokens(rows, lambda part: token_values(model, part))
