"""Log-probabilities against a softmax in NumPy, whatever the rows are batched with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lm.logprobs import score_rows, target_batch, target_logprobs
from lm.rows import IGNORED, TextRow

ROWS = [
    TextRow("a", (5, 17), (30, 31, 32, 33, 34)),
    TextRow("b", (200, 6, 7, 8, 90, 91, 92), (1,)),
    TextRow("c", (11,), (12, 13)),
    TextRow("d", (40, 41, 42), ()),
    TextRow("e", (11, 12), (0, 1, 0)),  # the padding id as a target
]


def expected(model, row: TextRow) -> list[float]:
    with torch.no_grad():
        logits = model(torch.tensor([row.prompt_ids + row.target_ids])).logits[0].double().numpy()
    shifted = logits - logits.max(-1, keepdims=True)
    logprobs = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    start = len(row.prompt_ids)
    return [float(logprobs[start + index - 1, token]) for index, token in enumerate(row.target_ids)]


def test_labels_stand_at_the_targets_own_positions():
    batch, labels_BT = target_batch(ROWS[2:4], 0, "cpu")
    assert batch.ids_BT.tolist() == [[11, 12, 13], [40, 41, 42]]
    assert labels_BT.tolist() == [[IGNORED, 12, 13], [IGNORED] * 3]


@pytest.mark.parametrize("batch_tokens", [1, 12, 10_000])
def test_equals_numpy_whatever_the_batch(new_model, batch_tokens):
    model = new_model()
    for row, found in zip(ROWS, score_rows(model, ROWS, 0, batch_tokens), strict=True):
        assert found == pytest.approx(expected(model, row), abs=1e-5)


def test_company_padding_and_order_do_not_matter(new_model):
    model = new_model()
    alone = [score_rows(model, [row], 0)[0] for row in ROWS]
    assert max(map(abs, alone[0])) > 3  # far from where everything is 0
    for pad_id in (0, 250):
        together = score_rows(model, ROWS[::-1], pad_id)[::-1]
        for one, other in zip(alone, together, strict=True):
            assert one == pytest.approx(other, abs=1e-5)


def test_gradients_flow_to_every_weight(new_model):
    model = new_model()
    target_logprobs(model, *target_batch(ROWS, 0, "cpu")).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in model.parameters())


def test_scoring_nothing(new_model):
    assert score_rows(new_model(), [], 0) == []
