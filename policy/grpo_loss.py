"""The clipped policy-gradient loss of GRPO and its kin, on flat tokens: padded and packed rows alike give those.

    rho = pi / pi_old,   w = min(pi_old / pi_engine, cap)
    l_t = -w_t min(rho_t A_t, clip(rho_t, 1 - epsilon, 1 + epsilon_high) A_t) + beta kl_t
    kl_t = rho_t (pi_ref / pi - log(pi_ref / pi) - 1)

rho is a token's, or with ``sequence`` the geometric mean of its trajectory's, at each of its tokens (GSPO). w is the
importance weight between trainer and engine, truncated (TIS). In brackets stands Schulman's estimate k3 of the KL, as
in DeepSeekMath (arXiv 2402.03300, eq. 4); the rho before it, without which the gradient is biased, is DeepSeek-V3.2's
(arXiv 2512.02556) and can be left out. How l_t is averaged is ``LossType``. All terms are per trajectory: of two
trajectories that share a token one may be clipped there and the other not. Log-probs are at temperature 1, so that is
what to sample at.

Shape legend: N tokens of all trajectories, one after the other; R trajectories.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from policy.grpo_config import GrpoConfig, ImportanceLevel, LossType


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """What the loss is computed from; float tensors [N] without gradients, but for ``logprobs_N``.

    ``lengths_R`` are the trajectories' tokens, none empty. ``old_N``: the trainer's log-probs when the update began;
    None on the first pass over a batch, where they are ``logprobs_N`` itself. ``reference_N`` is needed if ``beta`` is
    not 0; ``engine_N`` are the log-probs of the engine that sampled, where they are to be corrected for. ``entropy_N``
    is only looked at.
    """

    logprobs_N: torch.Tensor
    advantages_N: torch.Tensor
    lengths_R: torch.Tensor
    old_N: torch.Tensor | None = None
    reference_N: torch.Tensor | None = None
    engine_N: torch.Tensor | None = None
    entropy_N: torch.Tensor | None = None

    def __post_init__(self) -> None:
        count = len(self.logprobs_N)
        if int(self.lengths_R.sum()) != count or not bool((self.lengths_R > 0).all()):
            raise ValueError(f"lengths must be positive and add up to {count} tokens, got {self.lengths_R.tolist()}")
        for name in ("advantages_N", "old_N", "reference_N", "engine_N", "entropy_N"):
            values = getattr(self, name)
            if values is not None and values.shape != (count,):
                raise ValueError(f"{name} must hold {count} values, got shape {tuple(values.shape)}")


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """Per token, [N]: the loss (with gradient), the ratio, the KL and the importance weight (or None)."""

    loss_N: torch.Tensor
    ratio_N: torch.Tensor
    kl_N: torch.Tensor | None
    weight_N: torch.Tensor | None


def token_terms(batch: TokenBatch, config: GrpoConfig) -> TokenTerms:
    """The loss of every token, before averaging. ValueError if ``beta`` wants a reference and there is none."""
    old_N = batch.logprobs_N.detach() if batch.old_N is None else batch.old_N
    log_ratio_N = batch.logprobs_N - old_N
    if config.importance_sampling_level is ImportanceLevel.SEQUENCE:
        log_ratio_N = row_means(log_ratio_N, batch.lengths_R).repeat_interleave(batch.lengths_R)
    ratio_N = log_ratio_N.exp()
    clipped_N = ratio_N.clamp(1 - config.epsilon, 1 + config.epsilon_high)
    loss_N = -torch.minimum(ratio_N * batch.advantages_N, clipped_N * batch.advantages_N)
    weight_N = kl_N = None
    if batch.engine_N is not None and config.importance_cap is not None:
        weight_N = (old_N - batch.engine_N).exp().clamp(max=config.importance_cap)
        loss_N = loss_N * weight_N
    if config.beta:
        if batch.reference_N is None:
            raise ValueError("grpo.beta is not 0, so the reference policy's log-probs are needed")
        away_N = batch.reference_N - batch.logprobs_N
        kl_N = (away_N.exp() - away_N - 1) * (ratio_N if config.use_bias_correction_kl else 1)
        loss_N = loss_N + config.beta * kl_N
    return TokenTerms(loss_N, ratio_N, kl_N, weight_N)


def summed(
    loss_N: torch.Tensor, lengths_R: torch.Tensor, loss_type: LossType, max_solution_tokens: int
) -> tuple[torch.Tensor, float]:
    """The sum over units and their count: what ``lm.train.LossSum`` holds. Sums and counts of micro-batches add up.

    The unit is a trajectory (grpo), a token (dapo), a token's place among ``max_solution_tokens`` (dr_grpo) or the
    micro-batch (bnpo).
    """
    if loss_type is LossType.GRPO:
        return row_means(loss_N, lengths_R).sum(), float(len(lengths_R))
    if loss_type is LossType.BNPO:
        return loss_N.mean(), 1.0
    return loss_N.sum(), float(len(loss_N) if loss_type is LossType.DAPO else len(lengths_R) * max_solution_tokens)


def row_means(values_N: torch.Tensor, lengths_R: torch.Tensor) -> torch.Tensor:
    """Mean of each trajectory's tokens, [R]."""
    rows_N = torch.arange(len(lengths_R), device=values_N.device).repeat_interleave(lengths_R)
    return values_N.new_zeros(len(lengths_R)).index_add(0, rows_N, values_N) / lengths_R
