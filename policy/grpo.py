"""GRPO as a training: rows with advantages in, a ``lm.train`` loss out, shared prefixes computed once.

The row that the loop counts is a group, so that what the members share stays together in a micro-batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from transformers import PreTrainedModel

from lm.logprobs import shared_logprobs
from lm.per_token import read_tokens
from lm.rows import TextRow
from lm.train import LossSum
from policy.grpo_config import GrpoConfig
from policy.grpo_loss import TokenBatch, summed, token_terms
from policy.grpo_metrics import Tally, tally_tokens

Floats = Sequence[float]


@dataclass(frozen=True, slots=True)
class CreditedRow:
    """One trajectory to learn from: its token ids as sampled and, per learned token, its advantage.

    ``engine``: log-probs of the engine that sampled it; ``old``: the trainer's when the update began, for second and
    later passes over a batch; ``reference``: the reference policy's. At least one learned token.
    """

    row: TextRow
    advantages: Floats
    engine: Floats | None = None
    old: Floats | None = None
    reference: Floats | None = None

    def __post_init__(self) -> None:
        count = self.row.learned
        if not count:
            raise ValueError(f"problem {self.row.problem_id}: a trajectory without tokens has nothing to be credited")
        for name in ("advantages", "engine", "old", "reference"):
            values = getattr(self, name)
            if values is not None and len(values) != count:
                raise ValueError(f"problem {self.row.problem_id}: {count} tokens, but {len(values)} {name}")


@dataclass(frozen=True, slots=True)
class CreditedGroup:
    """The trajectories of one problem in an update, in the form that ``lm.train`` wants of a row."""

    problem_id: str
    rows: tuple[CreditedRow, ...]

    @property
    def length(self) -> int:
        """Tokens of the longest trajectory, prompt included."""
        return max(row.row.length for row in self.rows)

    @property
    def teaches(self) -> bool:
        """Is any advantage not 0? Groups that teach nothing may be left out or sampled again (DAPO, section 3.2)."""
        return any(advantage != 0 for row in self.rows for advantage in row.advantages)


class GrpoLoss:
    """The loss of credited groups; ``metrics`` tells what it saw since it was last asked."""

    def __init__(self, config: GrpoConfig, max_solution_tokens: int) -> None:
        self._config = config
        self._max_solution_tokens = max_solution_tokens
        self._tally = Tally()

    def __call__(self, model: PreTrainedModel, groups: list[CreditedGroup]) -> LossSum[CreditedGroup]:
        batch = token_batch(model, [row for group in groups for row in group.rows])
        terms = token_terms(batch, self._config)
        tally_tokens(self._tally, batch, terms, self._config)
        return LossSum(*summed(terms.loss_N, batch.lengths_R, self._config.loss_type, self._max_solution_tokens))

    def metrics(self) -> dict[str, float]:
        """TRL's names: ``entropy``, ``kl``, ``clip_ratio/*``, ``sampling/*``."""
        return self._tally.take()


def token_batch(model: PreTrainedModel, rows: Sequence[CreditedRow]) -> TokenBatch:
    """The model's log-probs of the rows' target tokens beside what the rows bring."""
    logprobs_N, entropy_N = shared_logprobs(model, [row.row for row in rows])
    lengths_R = torch.tensor([row.row.learned for row in rows], device=logprobs_N.device)
    old_N, reference_N, engine_N = (
        _all_or_none([getattr(row, name) for row in rows], name, logprobs_N) for name in ("old", "reference", "engine")
    )
    advantages_N = _flat([row.advantages for row in rows], logprobs_N)
    return TokenBatch(logprobs_N, advantages_N, lengths_R, old_N, reference_N, engine_N, entropy_N)


def with_reference(model: PreTrainedModel, rows: Sequence[CreditedRow]) -> list[CreditedRow]:
    """The rows with the log-probs of ``model``, the reference policy."""
    return [replace(row, reference=scores) for row, scores in zip(rows, _scores(model, rows), strict=True)]


def with_old(model: PreTrainedModel, rows: Sequence[CreditedRow]) -> list[CreditedRow]:
    """The rows with the log-probs of ``model`` as it is before the update: for more than one pass over a batch."""
    return [replace(row, old=scores) for row, scores in zip(rows, _scores(model, rows), strict=True)]


def _scores(model: PreTrainedModel, rows: Sequence[CreditedRow]) -> list[list[float]]:
    return read_tokens([row.row for row in rows], lambda part: shared_logprobs(model, part)[0])


def _all_or_none(parts: Sequence[Floats | None], name: str, like: torch.Tensor) -> torch.Tensor | None:
    given = [part for part in parts if part is not None]
    if given and len(given) < len(parts):
        raise ValueError(f"{len(given)} of {len(parts)} trajectories bring {name} log-probs; all or none must")
    return _flat(given, like) if given else None


def _flat(parts: Sequence[Floats], like: torch.Tensor) -> torch.Tensor:
    return torch.tensor(list(chain.from_iterable(parts)), dtype=like.dtype, device=like.device)
