"""What stands before each target token: one row per trajectory is the reference, for values and for gradients."""

from __future__ import annotations

import pytest
import torch

import lm.per_token
from lm.per_token import hidden_before, read_tokens
from lm.rows import TextRow

ROWS = [
    TextRow("a", (5, 17), (30, 31, 32, 33)),
    TextRow("a", (5, 17), (30, 31)),  # ends inside another
    TextRow("a", (5, 17), (30, 31, 9, 9, 9)),
    TextRow("a", (5,), (17, 30)),  # what is target here is prompt there
    TextRow("c", (200, 6, 1), (1,)),
]


def alone(model, rows):
    """The reference: every row by itself through the model's own forward."""
    return torch.cat(
        [
            model.base_model(torch.tensor([row.prompt_ids + row.target_ids])).last_hidden_state[
                0, len(row.prompt_ids) - 1 : row.length - 1
            ]
            for row in rows
        ]
    )


@pytest.mark.parametrize("packs", [True, False])
def test_equals_one_row_per_trajectory(new_model, monkeypatch, packs):
    model = new_model()
    if not packs:
        monkeypatch.setattr(lm.per_token, "can_pack", lambda *_: False)
    found, expected = hidden_before(model, ROWS), alone(model, ROWS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(0))
    gradients = []
    for hidden in (found, expected):
        model.zero_grad()
        (weights * hidden**2).sum().backward()
        gradients.append(model.get_input_embeddings().weight.grad.clone())
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("budget", [1, 7, 4096])
def test_batches_change_no_value_and_no_order(new_model, monkeypatch, budget):
    model = new_model()
    monkeypatch.setattr(lm.per_token, "_BATCH_TOKENS", budget)
    found = read_tokens(ROWS, lambda rows: hidden_before(model, rows)[:, 0])
    assert [len(values) for values in found] == [len(row.target_ids) for row in ROWS]
    flat = [value for values in found for value in values]
    assert flat == pytest.approx(alone(model, ROWS)[:, 0].tolist(), abs=1e-5)


@pytest.mark.parametrize("rows", [[], [TextRow("a", (), (1,))], [TextRow("a", (1,), ())]])
def test_rows_without_a_prompt_or_a_target_are_refused(new_model, rows):
    with pytest.raises(ValueError, match="a prompt and a target"):
        hidden_before(new_model(), rows)
