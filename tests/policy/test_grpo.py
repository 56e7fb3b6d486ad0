"""GRPO as a training: packed groups against one row per trajectory, what is learned, and what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from lm.config import OptimiserConfig, Precision
from lm.rows import TextRow
from lm.train import train
from policy.credit.base import Member
from policy.credit.config import CreditConfig
from policy.credit.registry import assigner
from policy.grpo import CreditedGroup, CreditedRow, GrpoLoss, token_batch, with_old, with_reference
from policy.grpo_config import GrpoConfig, ImportanceLevel, LossType
from policy.grpo_loss import TokenBatch, summed, token_terms

LIMIT = 8


def credited(seed: int, old: bool = True) -> list[CreditedGroup]:
    """Two groups whose members branch off each other; old log-probs so far off that both sides are clipped."""
    rng = np.random.default_rng(seed)
    groups = []
    for problem in range(2):
        prompt = tuple(rng.integers(5, 60, 3).tolist())
        stem = rng.integers(5, 60, 4).tolist()
        rows = []
        for _ in range(4):
            target = (*stem[: int(rng.integers(1, 5))], *rng.integers(5, 60, int(rng.integers(1, 4))).tolist())
            noise = (-4 + rng.normal(size=len(target))).tolist() if old else None
            rows.append(
                CreditedRow(TextRow(f"p{problem}", prompt, target), rng.normal(size=len(target)).tolist(), old=noise)
            )
        groups.append(CreditedGroup(f"p{problem}", tuple(rows)))
    return groups


def one_by_one(model, groups, config):
    """The loss from each trajectory's own forward."""
    rows = [row for group in groups for row in group.rows]
    parts = []
    for row in rows:
        ids = row.row.prompt_ids + row.row.target_ids
        table = model(torch.tensor([ids])).logits[0].float().log_softmax(-1)
        start = len(row.row.prompt_ids)
        parts.append(table[range(start - 1, len(ids) - 1), ids[start:]])
    batch = TokenBatch(
        torch.cat(parts), torch.tensor([a for row in rows for a in row.advantages]), torch.tensor([*map(len, parts)]),
        torch.tensor([o for row in rows for o in row.old]),
    )  # fmt: skip
    return summed(token_terms(batch, config).loss_N, batch.lengths_R, config.loss_type, LIMIT)


def gradients(model, total):
    model.zero_grad()
    total.backward()
    return {name: one.grad.clone() for name, one in model.named_parameters()}


@pytest.mark.parametrize("level", ImportanceLevel)
@pytest.mark.parametrize("loss_type", LossType)
def test_the_gradient_is_that_of_one_row_per_trajectory(model, loss_type, level):
    """Although tokens that several members share are computed once and are clipped in some of them only."""
    model, groups = copy.deepcopy(model), credited(1)
    config = GrpoConfig(loss_type, level)
    batch = token_batch(model, [row for group in groups for row in group.rows])
    inactive = (token_terms(batch, config).loss_N.detach() + batch.advantages_N).abs() > 1e-3
    assert inactive.any()
    loss = GrpoLoss(config, LIMIT)(model, groups)
    expected, count = one_by_one(model, groups, config)
    assert loss.count == count
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-5)
    packed, plain = gradients(model, loss.total), gradients(model, expected)
    for name, one in plain.items():
        assert float((packed[name] - one).norm()) <= 1e-5 * float(one.norm()) + 1e-7, name


def test_micro_batches_of_groups_give_the_gradient_of_the_whole(model):
    config = OptimiserConfig(learning_rate=1e-2, epochs=1, batch_rows=2, precision=Precision.FP32, clip=1e9)
    weights = []
    for micro in (1, 2):
        trained = copy.deepcopy(model)
        config.micro_rows = micro
        records = train(trained, credited(2), GrpoLoss(GrpoConfig(), LIMIT), config, 0, "GRPO")
        assert len(records) == 1
        weights.append(torch.cat([one.flatten() for one in trained.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], atol=1e-5, rtol=0)
    assert not torch.equal(weights[0], torch.cat([one.flatten() for one in model.parameters()]))


def test_what_was_rewarded_becomes_likelier(model):
    trained = copy.deepcopy(model)
    prompt, targets = (7, 8, 9), [(10, 11, 12), (10, 11, 20), (10, 30, 31)]
    members = [Member(reward, (3,)) for reward in (1.0, 0.0, 0.0)]
    advantages = assigner(CreditConfig())(members)
    rows = [
        CreditedRow(TextRow("p", prompt, target), given.tolist())
        for target, given in zip(targets, advantages, strict=True)
    ]
    before = [row.reference for row in with_reference(trained, rows)]
    loss = GrpoLoss(GrpoConfig(), LIMIT)
    config = OptimiserConfig(learning_rate=1e-3, epochs=5, precision=Precision.FP32)
    train(trained, [CreditedGroup("p", tuple(rows))], loss, config, 0, "GRPO")
    after = [row.reference for row in with_reference(trained, rows)]
    gains = [sum(late) - sum(early) for early, late in zip(before, after, strict=True)]
    assert gains[0] > 0 > max(gains[1:])
    metrics = loss.metrics()
    assert metrics["entropy"] > 0
    assert metrics["clip_ratio/region_mean"] == 0


def test_old_and_reference_logprobs_are_the_models(model):
    rows = [row for group in credited(3, old=False) for row in group.rows]
    batch = token_batch(model, with_old(model, with_reference(model, rows)))
    torch.testing.assert_close(batch.old_N, batch.logprobs_N.detach(), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch.reference_N, batch.old_N)
    terms = token_terms(batch, GrpoConfig(beta=0.1))
    assert terms.kl_N.abs().max().item() < 1e-6


def test_a_group_that_teaches_nothing_is_known():
    row = TextRow("p", (1,), (2, 3))
    assert not CreditedGroup("p", (CreditedRow(row, (0.0, 0.0)),)).teaches
    assert CreditedGroup("p", (CreditedRow(row, (0.0, 0.0)), CreditedRow(row, (0.0, -0.1)))).teaches


def test_what_does_not_fit_together_is_refused(model):
    row = TextRow("p7", (1,), (2, 3))
    with pytest.raises(ValueError, match="p7: a trajectory without tokens"):
        CreditedRow(TextRow("p7", (1,), ()), ())
    with pytest.raises(ValueError, match="p7: 2 tokens, but 1 advantages"):
        CreditedRow(row, (1.0,))
    with pytest.raises(ValueError, match="1 of 2 trajectories bring old log-probs"):
        token_batch(model, [CreditedRow(row, (1.0, 1.0)), CreditedRow(row, (1.0, 1.0), old=(0.0, 0.0))])
