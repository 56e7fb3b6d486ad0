"""Drawing tokens from logits so that each row's draws depend on its own seed alone.

Shape legend: B rows, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from policy.engine import Sampling

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def uniforms(seeds_B: np.ndarray, positions: np.ndarray | int) -> np.ndarray:
    """One number in [0, 1) per row and position: SplitMix64 (Steele, Lea, Flood 2014), the position being the counter.

    A counter-based generator needs no state, so rows may enter and leave a batch without moving each other's numbers.
    """
    with np.errstate(over="ignore"):
        z = seeds_B.astype(np.uint64) + _GOLDEN * (np.asarray(positions, dtype=np.uint64) + np.uint64(1))
        z = (z ^ (z >> np.uint64(30))) * _MIX_1
        z = (z ^ (z >> np.uint64(27))) * _MIX_2
        z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-53)


@dataclass(frozen=True, slots=True)
class Manner:
    """How the rows of a batch are drawn; made once, as it stays until rows enter or leave."""

    seeds_B: np.ndarray
    temperature_B: torch.Tensor | None  # None: 1 in all rows
    top_p_B: torch.Tensor | None  # None: every token is kept in all rows

    @classmethod
    def of(cls, seeds: Sequence[int], samplings: Sequence[Sampling], device: torch.device) -> Manner:
        """The manner of rows with these seeds and settings."""
        temperature, top_p = ([getattr(one, name) for one in samplings] for name in ("temperature", "top_p"))
        return cls(
            np.array(seeds, dtype=np.uint64),
            None if set(temperature) == {1.0} else torch.tensor(temperature, device=device),
            None if min(top_p) >= 1 else torch.tensor(top_p, device=device),
        )


def draw(
    logits_BV: torch.Tensor,
    uniforms_B: torch.Tensor,
    temperature_B: torch.Tensor | None,
    top_p_B: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens [B] and their log-probs [B] at temperature 1 by inverting the cumulative distribution.

    ``temperature_B`` 0 means the most likely token; None is 1 everywhere. ``top_p_B`` None keeps every token.
    """
    logprobs_BV = logits_BV.float().log_softmax(-1)
    if temperature_B is None:
        tokens_B = _inverted(logprobs_BV, uniforms_B, top_p_B)
    else:
        greedy_B = temperature_B <= 0
        tokens_B = logprobs_BV.argmax(-1)
        if not bool(greedy_B.all()):
            scaled_BV = logprobs_BV / torch.where(greedy_B, 1, temperature_B)[:, None]
            tokens_B = torch.where(greedy_B, tokens_B, _inverted(scaled_BV, uniforms_B, top_p_B))
    return tokens_B, logprobs_BV.gather(1, tokens_B[:, None])[:, 0]


def _inverted(scores_BV: torch.Tensor, uniforms_B: torch.Tensor, top_p_B: torch.Tensor | None) -> torch.Tensor:
    probabilities_BV = scores_BV.softmax(-1)
    if top_p_B is not None:
        probabilities_BV = _nucleus(probabilities_BV, top_p_B)
    cumulative_BV = probabilities_BV.cumsum(-1)
    # Scaled by the last sum, because rounding keeps that from being exactly 1.
    # Kept below 1, because float32 rounds the largest numbers up to it: the last token would come, likely or not.
    below_one_B = uniforms_B.to(cumulative_BV.dtype).clamp_max(1 - 2**-24)
    threshold_B1 = (below_one_B * cumulative_BV[:, -1])[:, None]
    tokens_B = torch.searchsorted(cumulative_BV, threshold_B1, right=True)[:, 0]
    return tokens_B.clamp_max(scores_BV.shape[1] - 1)


def _nucleus(probabilities_BV: torch.Tensor, top_p_B: torch.Tensor) -> torch.Tensor:
    """Zero all but the smallest set of tokens whose mass reaches ``top_p`` (Holtzman et al. 2020)."""
    ordered_BV, indices_BV = probabilities_BV.sort(-1, descending=True)
    before_BV = ordered_BV.cumsum(-1) - ordered_BV
    ordered_BV = ordered_BV.masked_fill(before_BV >= top_p_B[:, None], 0.0)
    return torch.zeros_like(probabilities_BV).scatter(1, indices_BV, ordered_BV)
