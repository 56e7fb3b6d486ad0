from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lm.config import OptimiserConfig, Precision, TokenizerKind
from lm.logprobs import score_rows
from lm.rows import TextRow
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from lm.train import train
from policy.dpo import DpoLoss, StepPair, margins, with_margins

TOKENIZER = build_tokenizer(TokenizerKind.CHARACTERS, ["0123456789+=\n"], 64)


def _model():
    return new_tiny_model(tiny_config(32, TOKENIZER, 32), 3)


def _pairs() -> list[StepPair]:
    ids = {
        text: tuple(TOKENIZER.encode(text, add_special_tokens=False))
        for text in ("1+2=", "3\n", "44\n", "2+2=", "4\n", "5\n")
    }
    first = StepPair(TextRow("a", ids["1+2="], ids["3\n"]), TextRow("a", ids["1+2="], ids["44\n"]))
    second = StepPair(TextRow("b", ids["2+2="], ids["4\n"]), TextRow("b", ids["2+2="], ids["5\n"]))
    return [first, second]


def test_the_loss_is_that_of_the_formula():
    model, other, beta = _model(), new_tiny_model(tiny_config(32, TOKENIZER, 32), 4), 0.3
    pairs = with_margins(other, _pairs())
    found = DpoLoss(beta)(model, pairs)

    def margin(policy, pair):
        chosen, rejected = score_rows(policy, [pair.chosen, pair.rejected], 0)
        return sum(chosen) - sum(rejected)

    away = np.array([margin(model, pair) - margin(other, pair) for pair in _pairs()])
    assert found.count == 2
    np.testing.assert_allclose(found.total.item(), np.log1p(np.exp(-beta * away)).sum(), rtol=1e-5)


def test_smoothing_takes_a_share_of_the_swapped_pair():
    model, other, beta = _model(), new_tiny_model(tiny_config(32, TOKENIZER, 32), 4), 0.3
    pairs = [
        replace(pair, smoothing=share) for pair, share in zip(with_margins(other, _pairs()), (0.25, 0.5), strict=True)
    ]
    logits = beta * np.array([float(margins(model, [pair])[0].detach()) - pair.margin for pair in pairs])
    straight, swapped = np.log1p(np.exp(-logits)), np.log1p(np.exp(logits))
    wanted = 0.75 * straight[0] + 0.25 * swapped[0] + 0.5 * (straight[1] + swapped[1])
    np.testing.assert_allclose(DpoLoss(beta)(model, pairs).total.item(), wanted, rtol=1e-5)


def test_at_the_reference_every_pair_costs_log_2():
    model = _model()
    found = DpoLoss(0.1)(model, with_margins(model, _pairs()))
    np.testing.assert_allclose(found.total.item() / found.count, np.log(2), rtol=1e-5)


def test_training_raises_the_margins():
    model = _model()
    pairs = with_margins(model, _pairs())
    before = margins(model, pairs).detach().clone()
    config = OptimiserConfig(learning_rate=5e-3, epochs=10.0, batch_rows=2, micro_rows=1, precision=Precision.FP32)
    train(model, pairs, DpoLoss(0.1), config, 0, "dpo")
    assert bool((margins(model, pairs) > before + 1.0).all())
    assert torch.isfinite(before).all()
