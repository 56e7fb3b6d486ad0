"""The critic: its loss against NumPy, its values against one row per trajectory, and a return that it must learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lm.config import OptimiserConfig, Precision
from lm.rows import TextRow
from lm.train import train
from prm.critic import ValuedRow, ValueLoss, value_losses, values
from prm.model import new_scorer_from_policy
from prm.row_group import RowGroup

CONFIG = OptimiserConfig(learning_rate=3e-3, epochs=12, batch_rows=8, micro_rows=8, precision=Precision.FP32)
ROWS = [TextRow("p", (4, 20), (5, 6, 7)), TextRow("p", (4, 20), (5, 6)), TextRow("q", (9,), (5, 6, 7, 8))]


@pytest.fixture
def critic(policy_path):
    model, _ = new_scorer_from_policy(policy_path, 1)
    with torch.no_grad():
        model.score.weight.mul_(30)  # values that differ
    return model


def value_alone(model, row: TextRow, token: int) -> float:
    """The value before a target token, by transformers' own forward on what stands before it and nothing else."""
    before = (*row.prompt_ids, *row.target_ids[:token])
    return float(model(torch.tensor([before])).logits[0, 0])


def test_values_are_of_what_stands_before_each_token(critic):
    with torch.no_grad():
        expected = [[value_alone(critic, row, token) for token in range(len(row.target_ids))] for row in ROWS]
    found = values(critic, ROWS)
    assert np.std([value for own in found for value in own]) > 0.05
    for own, other in zip(found, expected, strict=True):
        assert own == pytest.approx(other, abs=1e-5)
    assert found[0][:2] == found[1]  # what they share


def test_the_loss_is_the_worse_of_the_value_and_the_clipped_one():
    rng = np.random.default_rng(0)
    now, old, returns = rng.normal(size=(3, 200))
    expected = []
    for value, before, target in zip(now, old, returns, strict=True):
        clipped = min(max(value, before - 0.2), before + 0.2)
        expected.append(max((value - target) ** 2, (clipped - target) ** 2) / 2)
    found = value_losses(*(torch.tensor(each) for each in (now, old, returns)), 0.2)
    assert found.tolist() == pytest.approx(expected, abs=1e-12)
    unclipped = (now - returns) ** 2 / 2
    assert (np.array(expected) > unclipped + 1e-6).any()
    assert (np.array(expected) < unclipped + 1e-12).any()


def test_a_value_that_has_moved_too_far_towards_its_return_is_pulled_no_further():
    value = torch.tensor([0.5, 0.5, 0.5], requires_grad=True)
    value_losses(value, torch.tensor([0.0, 0.4, 0.9]), torch.tensor([1.0, 1.0, 1.0]), 0.2).sum().backward()
    assert value.grad.tolist() == [0.0, -0.5, -0.5]  # too far, still near, too far the other way: back it goes


def test_the_loss_counts_tokens(critic):
    group = RowGroup(
        "p", tuple(ValuedRow(row, (1.0,) * len(row.target_ids), (0.0,) * len(row.target_ids)) for row in ROWS)
    )
    with torch.no_grad():
        found = ValueLoss(0.2)(critic, [group])
        flat = torch.tensor([value_alone(critic, row, token) for row in ROWS for token in range(len(row.target_ids))])
        expected = value_losses(flat, torch.zeros(9), torch.ones(9), 0.2)
    assert found.count == 9
    assert float(found.total) == pytest.approx(float(expected.sum()), rel=1e-5)
    assert group.tokens == 5 + 5  # the second row begins the first, and the third shares nothing
    assert group.length == 5


def test_a_critic_learns_which_token_decides(policy_path):
    """A trajectory with token 5 in it is worth 1 from there on, any other 0; before that nothing can be known."""
    rng = np.random.default_rng(0)
    model, _ = new_scorer_from_policy(policy_path, 1)
    groups = []
    for number in range(64):
        lucky = number % 2
        ids = [5 if lucky else 6, *rng.integers(10, 20, 2).tolist()]
        row = TextRow(f"p{number}", (20 + number // 2 % 10,), tuple(ids))
        groups.append(RowGroup(row.problem_id, (ValuedRow(row, (float(lucky),) * 3, (0.0,) * 3),)))
    train(model, groups, ValueLoss(10.0), CONFIG, 0, "critic")
    found = np.array(values(model, [group.rows[0].row for group in groups]))
    assert np.abs(found[:, 0] - 0.5).max() < 0.2
    assert np.abs(found[::2, 1:]).max() < 0.2
    assert np.abs(found[1::2, 1:] - 1).max() < 0.2


@pytest.mark.parametrize(("returns", "old"), [((1.0,), (0.0, 0.0, 0.0)), ((1.0, 1.0, 1.0), ())])
def test_a_row_that_does_not_fit_together_is_refused(returns, old):
    with pytest.raises(ValueError, match="problem p: 3 tokens, but"):
        ValuedRow(ROWS[0], returns, old)
