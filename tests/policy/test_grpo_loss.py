"""The loss against an independent NumPy version, its gradient against finite differences, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.grpo_config import GrpoConfig, ImportanceLevel, LossType
from policy.grpo_loss import TokenBatch, row_means, summed, token_terms
from policy.grpo_metrics import Tally, reward_metrics, tally_tokens
from tasks.errors import UserError

LIMIT = 11


def make_batch(seed: int, dtype=torch.float64, rows: int = 5) -> TokenBatch:
    """Random log-probs far enough from the old ones that many ratios are clipped on either side."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 7, rows)
    count = int(lengths.sum())
    now = -rng.random(count) * 3

    def near(spread: float) -> torch.Tensor:
        return torch.tensor(now + rng.normal(size=count) * spread, dtype=dtype)

    return TokenBatch(
        torch.tensor(now, dtype=dtype, requires_grad=True), torch.tensor(rng.normal(size=count), dtype=dtype),
        torch.tensor(lengths), near(0.3), near(0.5), near(0.6), torch.tensor(rng.random(count), dtype=dtype),
    )  # fmt: skip


def numpy_loss(batch: TokenBatch, config: GrpoConfig) -> float:
    """The mean loss of a step, in loops over trajectories and tokens."""
    now, advantages, old, reference, engine = (
        one.detach().double().numpy()
        for one in (batch.logprobs_N, batch.advantages_N, batch.old_N, batch.reference_N, batch.engine_N)
    )
    rows, start = [], 0
    for length in batch.lengths_R.tolist():
        part = slice(start, start + length)
        losses = []
        for t in range(start, start + length):
            log_ratio = (
                np.mean(now[part] - old[part]) if config.importance_sampling_level == "sequence" else now[t] - old[t]
            )
            ratio = np.exp(log_ratio)
            clipped = min(max(ratio, 1 - config.epsilon), 1 + config.epsilon_high)
            loss = -min(ratio * advantages[t], clipped * advantages[t])
            if config.importance_cap is not None:
                loss *= min(np.exp(old[t] - engine[t]), config.importance_cap)
            kl = np.exp(reference[t] - now[t]) - (reference[t] - now[t]) - 1
            losses.append(loss + config.beta * kl * (ratio if config.use_bias_correction_kl else 1))
        rows.append(losses)
        start += length
    if config.loss_type is LossType.GRPO:
        return float(np.mean([np.mean(row) for row in rows]))
    if config.loss_type is LossType.DR_GRPO:
        return float(sum(map(sum, rows)) / (len(rows) * LIMIT))
    return float(np.mean(np.concatenate(rows)))


def mean_loss(batch: TokenBatch, config: GrpoConfig) -> torch.Tensor:
    total, count = summed(token_terms(batch, config).loss_N, batch.lengths_R, config.loss_type, LIMIT)
    return total / count


CONFIGS = st.builds(
    GrpoConfig,
    st.sampled_from(list(LossType)),
    st.sampled_from(list(ImportanceLevel)),
    st.floats(0.05, 0.5),
    st.floats(0.05, 0.5),
    st.sampled_from([0.0, 0.3]),
    st.booleans(),
    st.sampled_from([None, 1.5]),
)


@settings(max_examples=100)
@given(st.integers(0, 10**6), CONFIGS)
def test_equals_numpy_in_both_precisions(seed, config):
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 2e-6)):
        batch = make_batch(seed, dtype)
        assert mean_loss(batch, config).item() == pytest.approx(numpy_loss(batch, config), rel=tolerance, abs=tolerance)


@pytest.mark.parametrize("loss_type", LossType)
@pytest.mark.parametrize("level", ImportanceLevel)
def test_gradient_equals_finite_differences(loss_type, level):
    config, batch = GrpoConfig(loss_type, level, beta=0.2), make_batch(3)
    (gradient,) = torch.autograd.grad(mean_loss(batch, config), batch.logprobs_N)
    for index in range(len(batch.logprobs_N)):
        moved = []
        for sign in (1, -1):
            logprobs = batch.logprobs_N.detach().clone()
            logprobs[index] += sign * 1e-6
            moved.append(numpy_loss(replace(batch, logprobs_N=logprobs), config))
        assert float(gradient[index]) == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-8)


@pytest.mark.parametrize("level", ImportanceLevel)
def test_the_first_pass_is_the_plain_policy_gradient(level):
    """Without old log-probs every ratio is 1, nothing is clipped, and the gradient is minus the advantage."""
    batch = replace(make_batch(4), old_N=None)
    config = GrpoConfig(LossType.DAPO, level, importance_cap=None)
    (gradient,) = torch.autograd.grad(mean_loss(batch, config), batch.logprobs_N)
    wanted = batch.advantages_N
    if level is ImportanceLevel.SEQUENCE:
        wanted = row_means(wanted, batch.lengths_R).repeat_interleave(batch.lengths_R)
    torch.testing.assert_close(gradient * len(wanted), -wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize("loss_type", [LossType.GRPO, LossType.DAPO, LossType.DR_GRPO])
def test_micro_batches_add_up(loss_type):
    """All but bnpo, which is about micro-batches."""
    one, other = make_batch(5), make_batch(6)
    parts = [summed(token_terms(part, GrpoConfig()).loss_N, part.lengths_R, loss_type, LIMIT) for part in (one, other)]
    names = ("logprobs_N", "advantages_N", "lengths_R", "old_N", "reference_N", "engine_N")
    both = TokenBatch(*(torch.cat([getattr(one, name), getattr(other, name)]) for name in names))
    total, count = summed(token_terms(both, GrpoConfig()).loss_N, both.lengths_R, loss_type, LIMIT)
    assert total.item() == pytest.approx((parts[0][0] + parts[1][0]).item(), abs=1e-12)
    assert count == parts[0][1] + parts[1][1]


def test_advantages_of_0_give_no_gradient():
    batch = replace(make_batch(7), advantages_N=torch.zeros(len(make_batch(7).logprobs_N), dtype=torch.float64))
    (gradient,) = torch.autograd.grad(mean_loss(batch, GrpoConfig()), batch.logprobs_N)
    assert not gradient.any()


def test_clip_metrics_by_hand():
    """Ratios 0.5, 2, 2 | 0.5: the first and third are clipped (low, high), the second is not for its sign."""
    old = torch.log(torch.tensor([2.0, 0.5, 0.5, 2.0]))
    batch = TokenBatch(
        torch.zeros(4), torch.tensor([-1.0, -1.0, 1.0, 1.0]), torch.tensor([3, 1]), old, entropy_N=torch.arange(4.0)
    )
    tally, config = Tally(), GrpoConfig()
    tally_tokens(tally, batch, token_terms(batch, config), config)
    found = tally.take()
    assert found == pytest.approx(
        {
            "clip_ratio/high_max": 1 / 3, "clip_ratio/high_mean": 1 / 4, "clip_ratio/low_mean": 1 / 4,
            "clip_ratio/low_min": 0.0, "clip_ratio/region_mean": 1 / 2, "entropy": 1.5,
        }
    )  # fmt: skip
    assert tally.take() == {}


def test_sampling_metrics_by_hand():
    batch = TokenBatch(
        torch.zeros(2), torch.ones(2), torch.tensor([2]), engine_N=torch.tensor([-1.0, 0.5]), reference_N=torch.ones(2)
    )
    tally, config = Tally(), GrpoConfig(beta=0.1, importance_cap=2.0)
    tally_tokens(tally, batch, token_terms(batch, config), config)
    found = tally.take()
    assert found["sampling/sampling_logp_difference/mean"] == pytest.approx(0.75)
    assert found["sampling/sampling_logp_difference/max"] == pytest.approx(1.0)
    assert found["sampling/importance_sampling_ratio/max"] == pytest.approx(2.0)  # e, cut off
    assert found["sampling/importance_sampling_ratio/min"] == pytest.approx(np.exp(-0.5))
    assert found["kl"] == pytest.approx(np.e - 2)


def test_reward_metrics_by_hand():
    found = reward_metrics([[1.0, 0.0], [1.0, 1.0]])
    assert found == pytest.approx({"reward": 0.75, "reward_std": 0.5, "frac_reward_zero_std": 0.5})
    with pytest.raises(ValueError, match="no rewards"):
        reward_metrics([])


def test_what_does_not_fit_together_is_refused():
    ones = torch.ones(3)
    with pytest.raises(ValueError, match="add up to 3"):
        TokenBatch(ones, ones, torch.tensor([2]))
    with pytest.raises(ValueError, match="lengths must be positive"):
        TokenBatch(ones, ones, torch.tensor([3, 0]))
    with pytest.raises(ValueError, match="advantages_N must hold 3"):
        TokenBatch(ones, torch.ones(2), torch.tensor([3]))
    with pytest.raises(ValueError, match="reference policy"):
        token_terms(TokenBatch(ones, ones, torch.tensor([3])), GrpoConfig(beta=0.1))


@pytest.mark.parametrize("options", [{"epsilon": 0.0}, {"epsilon_high": -1.0}, {"beta": -0.1}, {"importance_cap": 0.5}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UserError, match=f"grpo.{next(iter(options))} must be"):
        GrpoConfig(**options)
