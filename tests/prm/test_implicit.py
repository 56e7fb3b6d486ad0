"""The implicit process model: its loss against NumPy, and token rewards that learn where a solution is decided."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lm.config import OptimiserConfig, Precision
from lm.folder import load_policy
from lm.rows import TextRow
from lm.train import train
from prm.implicit import ImplicitLoss, JudgedRow, implicit_losses, logprobs
from prm.row_group import RowGroup

CONFIG = OptimiserConfig(learning_rate=3e-3, epochs=8, batch_rows=8, micro_rows=8, precision=Precision.FP32)
ROWS = [TextRow("p", (4, 20), (5, 6, 7)), TextRow("p", (4, 20), (5, 6)), TextRow("q", (9,), (5, 6, 7, 8))]


def test_the_loss_is_the_cross_entropy_of_the_summed_log_ratio():
    rng = np.random.default_rng(0)
    lengths, rewards, beta = [3, 1, 5], [1.0, 0.0, 0.25], 0.7
    new, old = rng.normal(size=(2, 9))
    expected, start = [], 0
    for length, reward in zip(lengths, rewards, strict=True):
        chance = 1 / (1 + np.exp(-sum(beta * (new[i] - old[i]) for i in range(start, start + length))))
        expected.append(-(reward * np.log(chance) + (1 - reward) * np.log(1 - chance)))
        start += length
    found = implicit_losses(torch.tensor(new), torch.tensor(old), lengths, torch.tensor(rewards).double(), beta)
    assert found.tolist() == pytest.approx(expected, abs=1e-12)


@torch.no_grad()
def test_the_loss_of_groups_counts_trajectories(policy_path):
    model = load_policy(policy_path)
    tables = [model(torch.tensor([row.prompt_ids + row.target_ids])).logits[0].log_softmax(-1) for row in ROWS]
    new = [
        [float(table[len(row.prompt_ids) - 1 + index, token]) for index, token in enumerate(row.target_ids)]
        for row, table in zip(ROWS, tables, strict=True)
    ]
    for own, other in zip(logprobs(model, ROWS), new, strict=True):
        assert own == pytest.approx(other, abs=1e-5)
    rewards, reference = (1.0, 0.0, 1.0), -4.0
    groups = [
        RowGroup(
            "x",
            tuple(JudgedRow(row, r, (reference,) * len(row.target_ids)) for row, r in zip(ROWS, rewards, strict=True)),
        )
    ]
    found = ImplicitLoss(0.3)(model, groups)
    logits = np.array([0.3 * sum(value - reference for value in own) for own in new])
    expected = np.logaddexp(0, np.where(np.array(rewards) > 0.5, -logits, logits))
    assert found.count == 3
    assert float(found.total) == pytest.approx(expected.sum(), abs=1e-4)


def test_outcomes_alone_teach_it_which_token_is_at_fault(policy_path):
    """Right with token 5 in the middle, wrong with token 6; what stands around it is noise of both."""
    rng = np.random.default_rng(0)
    model, reference = load_policy(policy_path), load_policy(policy_path)
    rows = [
        TextRow(f"p{n}", (20,), (int(rng.integers(10, 15)), 5 if n % 2 else 6, int(rng.integers(10, 15))))
        for n in range(64)
    ]
    before = logprobs(reference, rows)
    groups = [RowGroup(row.problem_id, (JudgedRow(row, float(n % 2), tuple(before[n])),)) for n, row in enumerate(rows)]
    train(model, groups, ImplicitLoss(0.5), CONFIG, 0, "implicit")
    rewards = 0.5 * (np.array(logprobs(model, rows)) - np.array(before))
    assert (rewards[1::2].sum(1) > 1).all()
    assert (rewards[::2].sum(1) < -1).all()
    assert rewards[1::2, 1].mean() - rewards[::2, 1].mean() > 2 * abs(rewards[1::2, 0].mean() - rewards[::2, 0].mean())


def test_a_row_that_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="problem p: 3 tokens, but 1 reference"):
        JudgedRow(ROWS[0], 1.0, (0.0,))
