"""What a GRPO update looks like from outside, under the names that TRL's users know.

Shape legend: N tokens of all trajectories, one after the other; R trajectories.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lm.distributed import gathered
from policy.grpo_config import GrpoConfig, ImportanceLevel
from policy.grpo_loss import TokenBatch, TokenTerms, row_means


class Tally:
    """Means, least and greatest values of an update, put together from its micro-batches."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}
        self._extremes: dict[str, float] = {}

    def add(self, name: str, values: torch.Tensor) -> None:
        """Count ``values`` into the mean called ``name``."""
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + float(values.double().sum()), count + values.numel())

    def least(self, name: str, values: torch.Tensor) -> None:
        """Keep the smallest."""
        self._extremes[name] = min(float(values.min()), self._extremes.get(name, float("inf")))

    def greatest(self, name: str, values: torch.Tensor) -> None:
        """Keep the largest."""
        self._extremes[name] = max(float(values.max()), self._extremes.get(name, -float("inf")))

    def take(self) -> dict[str, float]:
        """The metrics of all ranks since the last call, by name in alphabetical order."""
        merged = Tally()
        for sums, extremes in gathered((self._sums, self._extremes)):
            for name, (total, count) in sums.items():
                before, seen = merged._sums.get(name, (0.0, 0))
                merged._sums[name] = (before + total, seen + count)
            for name, value in extremes.items():
                pick = min if name.endswith(("_min", "/min")) else max
                merged._extremes[name] = pick(value, merged._extremes.get(name, value))
        self._sums, self._extremes = {}, {}
        means = {name: total / count for name, (total, count) in merged._sums.items()}
        return dict(sorted((means | merged._extremes).items()))


@torch.no_grad()
def tally_tokens(tally: Tally, batch: TokenBatch, terms: TokenTerms, config: GrpoConfig) -> None:
    """Add ``kl``, ``entropy``, ``clip_ratio/*`` and ``sampling/*`` of a micro-batch."""
    if terms.kl_N is not None:
        tally.add("kl", terms.kl_N)
    if batch.entropy_N is not None:
        tally.add("entropy", batch.entropy_N)
    low_N = (terms.ratio_N < 1 - config.epsilon) & (batch.advantages_N < 0)
    high_N = (terms.ratio_N > 1 + config.epsilon_high) & (batch.advantages_N > 0)
    low_R, high_R = (row_means(clipped.double(), batch.lengths_R) for clipped in (low_N, high_N))
    by_row = config.importance_sampling_level is ImportanceLevel.SEQUENCE  # one ratio each: every trajectory counts 1
    tally.add("clip_ratio/low_mean", low_R if by_row else low_N)
    tally.add("clip_ratio/high_mean", high_R if by_row else high_N)
    tally.add("clip_ratio/region_mean", low_R + high_R if by_row else low_N | high_N)
    tally.least("clip_ratio/low_min", low_R)
    tally.greatest("clip_ratio/high_max", high_R)
    if batch.engine_N is not None:
        _tally_sampling(tally, batch, terms)


def _tally_sampling(tally: Tally, batch: TokenBatch, terms: TokenTerms) -> None:
    assert batch.engine_N is not None
    old_N = batch.logprobs_N if batch.old_N is None else batch.old_N
    gap_N = (old_N - batch.engine_N).abs()
    tally.add("sampling/sampling_logp_difference/mean", gap_N)
    tally.greatest("sampling/sampling_logp_difference/max", gap_N)
    if terms.weight_N is not None:
        tally.add("sampling/importance_sampling_ratio/mean", terms.weight_N)
        tally.least("sampling/importance_sampling_ratio/min", terms.weight_N)
        tally.greatest("sampling/importance_sampling_ratio/max", terms.weight_N)


def reward_metrics(groups: Sequence[Sequence[float]]) -> dict[str, float]:
    """``reward``, ``reward_std`` over all, and ``frac_reward_zero_std``: the share of groups that teach no outcome."""
    every = np.array([reward for group in groups for reward in group])
    if not len(every):
        raise ValueError("no rewards to look at")
    return {
        "reward": float(every.mean()),
        "reward_std": float(every.std(ddof=1)) if len(every) > 1 else 0.0,
        "frac_reward_zero_std": float(np.mean([max(group) == min(group) for group in groups])),
    }


def length_metrics(lengths: Sequence[int], is_final: Sequence[bool]) -> dict[str, float]:
    """``completions/*``: tokens of the trajectories, and the share that was cut off before its end."""
    tokens = np.array(lengths)
    return {
        "completions/mean_length": float(tokens.mean()),
        "completions/min_length": float(tokens.min()),
        "completions/max_length": float(tokens.max()),
        "completions/clipped_ratio": 1 - float(np.mean(is_final)),
    }
