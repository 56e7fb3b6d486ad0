"""Tokens that the policy was shown in the middle of its target: read like a prompt, and never learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lm.per_token
from lm.config import TokenizerKind
from lm.logprobs import score_rows, shared_logprobs, target_batch, target_logprobs
from lm.per_token import hidden_before
from lm.rows import IGNORED, TextRow
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from policy.dpo import StepPair, margins
from policy.grpo import CreditedRow
from policy.sft import sft_loss

ROWS = [
    TextRow("a", (5, 6), (7, 8, 9, 10, 11, 12), ((1, 3), (5, 6))),
    TextRow("b", (5, 6), (7, 8, 9, 13)),
    TextRow("c", (4,), (7, 8, 9), ((1, 2),)),
    TextRow("a", (5, 6), (7, 8, 9, 10, 14), ((1, 3),)),
]
LEARNED = [[2, 5, 6], [2, 3, 4, 5], [1, 3], [2, 5, 6]]  # by hand


@pytest.fixture(scope="module")
def model():
    return new_tiny_model(tiny_config(32, build_tokenizer(TokenizerKind.CHARACTERS, [], 0), 32), 3).eval()


def expected(model, row: TextRow, places: list[int]) -> list[float]:
    """One row by itself, in NumPy."""
    with torch.no_grad():
        logits_TV = model(torch.tensor([row.ids])).logits[0].double().numpy()
    logits_TV -= logits_TV.max(-1, keepdims=True)
    logprobs_TV = logits_TV - np.log(np.exp(logits_TV).sum(-1, keepdims=True))
    return [float(logprobs_TV[place - 1, row.ids[place]]) for place in places]


def test_the_learned_places_are_those_that_were_not_given():
    for row, places in zip(ROWS, LEARNED, strict=True):
        assert row.learned_places().tolist() == places
        assert row.learned == len(places)
        assert row.length == len(row.ids)


@pytest.mark.parametrize("given", [((1, 1),), ((2, 1),), ((0, 1), (1, 2)), ((2, 3), (0, 1)), ((0, 9),), ((-1, 1),)])
def test_stretches_lie_apart_and_within_the_target(given):
    with pytest.raises(ValueError, match="problem x: stretches"):
        TextRow("x", (1,), (2, 3, 4), given)


def test_labels_are_ignored_on_what_was_given():
    batch, labels_BT = target_batch(ROWS, 0, "cpu")
    for row, places, labels_T, ids_T in zip(ROWS, LEARNED, labels_BT, batch.ids_BT, strict=True):
        assert [place for place, label in enumerate(labels_T.tolist()) if label != IGNORED] == places
        assert ids_T[: row.length].tolist() == list(row.ids)


def test_every_way_to_a_log_prob_gives_those_of_the_learned_tokens(model):
    right = [expected(model, row, places) for row, places in zip(ROWS, LEARNED, strict=True)]
    flat = [value for values in right for value in values]
    with torch.no_grad():
        packed_N, entropy_N = shared_logprobs(model, ROWS)
        padded_N = target_logprobs(model, *target_batch(ROWS, 0, "cpu"))
        loss = sft_loss(model, ROWS)
    np.testing.assert_allclose(packed_N, flat, atol=1e-5)
    np.testing.assert_allclose(padded_N, flat, atol=1e-5)
    assert entropy_N.shape == packed_N.shape
    for found, values in zip(score_rows(model, ROWS, 0), right, strict=True):
        np.testing.assert_allclose(found, values, atol=1e-5)
    assert loss.count == len(flat)
    assert float(loss.total) == pytest.approx(-sum(flat), abs=1e-4)


def test_what_was_given_is_read(model):
    """Another observation changes what is said of the tokens after it, and of none before."""
    row = ROWS[0]
    other = TextRow("a", row.prompt_ids, (7, 99, 98, 10, 11, 12), row.given)
    with torch.no_grad():
        one_N, other_N = shared_logprobs(model, [row])[0], shared_logprobs(model, [other])[0]
    assert one_N[0] == pytest.approx(float(other_N[0]), abs=1e-6)
    assert abs(float(one_N[1] - other_N[1])) > 1e-4


@pytest.mark.parametrize("packs", [True, False])
def test_a_critic_reads_before_learned_tokens_alone(model, monkeypatch, packs):
    if not packs:
        monkeypatch.setattr(lm.per_token, "can_pack", lambda *_: False)
    with torch.no_grad():
        found_NH = hidden_before(model, ROWS)
        alone = [model.base_model(torch.tensor([row.ids])).last_hidden_state[0] for row in ROWS]
    right_NH = torch.cat([one[[n - 1 for n in places]] for one, places in zip(alone, LEARNED, strict=True)])
    np.testing.assert_allclose(found_NH, right_NH, atol=1e-5)


def test_rows_of_losses_count_learned_tokens(model):
    CreditedRow(ROWS[0], [1.0] * 3, engine=[-1.0] * 3)
    with pytest.raises(ValueError, match="3 tokens, but 6 advantages"):
        CreditedRow(ROWS[0], [1.0] * 6)
    with torch.no_grad():
        (margin,) = margins(model, [StepPair(ROWS[0], ROWS[3])]).tolist()
    first, second = (sum(expected(model, ROWS[n], LEARNED[n])) for n in (0, 3))
    assert margin == pytest.approx(first - second, abs=1e-4)
