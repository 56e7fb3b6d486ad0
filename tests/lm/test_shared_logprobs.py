"""Log-probs of rows that share prefixes: one row per trajectory is the reference, for values and for gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lm.logprobs
from lm.logprobs import shared_logprobs, target_batch, target_logprobs
from lm.packing import pack
from lm.rows import TextRow

ROWS = [
    TextRow("a", (5, 17), (30, 31, 32, 33)),
    TextRow("a", (5, 17), (30, 31, 32)),  # ends inside another
    TextRow("a", (5, 17), (30, 31, 9, 9, 9)),
    TextRow("a", (5, 17), (30, 31, 32, 33)),  # the same again
    TextRow("a", (5,), (17, 30)),  # what is target here is prompt there
    TextRow("b", (7, 8), ()),
    TextRow("c", (200, 6), (1, 0, 0)),
]


def alone(model, rows):
    """The reference: every row by itself through the model's own forward; log-probs and entropies."""
    logprobs, entropies = [], []
    for row in rows:
        table = model(torch.tensor([row.prompt_ids + row.target_ids])).logits[0].float().log_softmax(-1)
        for index, token in enumerate(row.target_ids, start=len(row.prompt_ids)):
            logprobs.append(table[index - 1, token])
            entropies.append(-(table[index - 1].exp() * table[index - 1]).sum())
    return torch.stack(logprobs), torch.stack(entropies).detach()


@torch.no_grad()
def test_equals_one_row_per_trajectory(new_model):
    model = new_model()
    found, expected = shared_logprobs(model, ROWS), alone(model, ROWS)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)
    assert float(found[0].std()) > 0.5


@pytest.mark.parametrize("seed", range(15))
@torch.no_grad()
def test_equals_padded_rows_for_random_tries(new_model, seed):
    model, rng = new_model(), np.random.default_rng(seed)
    rows = [
        TextRow("r", tuple(rng.integers(0, 2, rng.integers(1, 4)).tolist()), tuple(rng.integers(0, 2, size).tolist()))
        for size in rng.integers(1, 7, 8)
    ]
    found, expected = shared_logprobs(model, rows)[0], target_logprobs(model, *target_batch(rows, 0, "cpu"))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_gradients_equal_one_row_per_trajectory(new_model):
    """Of a loss that weighs every token of every row differently and not linearly, in every parameter."""
    model = new_model()
    weights = torch.randn(sum(len(row.target_ids) for row in ROWS), generator=torch.Generator().manual_seed(0))
    gradients = []
    for logprobs in (shared_logprobs, alone):
        model.zero_grad()
        (weights * (logprobs(model, ROWS)[0] / 4).exp()).sum().backward()
        gradients.append({name: one.grad.clone() for name, one in model.named_parameters()})
    for name, expected in gradients[1].items():
        assert float(expected.norm()) > 0, name
        assert float((gradients[0][name] - expected).norm()) <= 1e-5 * float(expected.norm()), name


def test_the_head_is_asked_once_for_each_distinct_prefix(new_model, monkeypatch):
    asked = []
    plain = lm.logprobs._next_logprobs
    monkeypatch.setattr(
        lm.logprobs, "_next_logprobs", lambda model, hidden: asked.append(len(hidden)) or plain(model, hidden)
    )
    shared_logprobs(new_model(), ROWS)
    prefixes = {(row.prompt_ids + row.target_ids)[:end] for row in ROWS
                for end in range(len(row.prompt_ids), row.length)}  # fmt: skip
    assert asked == [len(prefixes)]


def test_a_model_that_cannot_be_packed_gives_the_same(new_model):
    plain, checkpointing = new_model(), new_model().train()
    checkpointing.gradient_checkpointing_enable()
    for one, other in zip(shared_logprobs(checkpointing, ROWS), shared_logprobs(plain, ROWS), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_nothing_to_look_at(new_model):
    for rows in ([], [TextRow("a", (1,), ())]):
        logprobs, entropy = shared_logprobs(new_model(), rows)
        assert logprobs.shape == entropy.shape == (0,)
    with pytest.raises(ValueError, match="needs a prompt"):
        shared_logprobs(new_model(), [TextRow("a", (), (1, 2))])


def test_paths_spell_the_rows():
    rows = [(1, 2, 3), (1, 2), (4,), (1, 2, 3, 5), (1, 2)]
    packed = pack(rows)
    assert [tuple(packed.ids_N[path].tolist()) for path in packed.paths] == rows
    assert [int(path[-1]) for path in packed.paths] == packed.ends_R.tolist()
