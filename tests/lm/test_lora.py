"""LoRA: what is trained is a matrix of low rank beside the weights, and the model is what comes of both."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace

import pytest
import torch

from lm.config import LoraConfig, OptimiserConfig, Precision
from lm.logprobs import score_rows
from lm.rows import TextRow
from lm.train import LossSum, Stepper
from lm.working_copy import WorkingCopy
from policy.sft import sft_loss
from tasks.errors import UserError

CONFIG = OptimiserConfig(precision=Precision.FP32, lora=LoraConfig(rank=2, alpha=8.0))
ROWS = [TextRow(f"p{n}", (n + 3, n + 50), tuple(range(n, 2 * n + 1))) for n in range(1, 6)]
needs_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")


def trained(model, config=CONFIG, loss=sft_loss):
    stepper = Stepper(model, config, "test")
    return stepper, [stepper.step(ROWS, loss, 1e-2).loss for _ in range(3)]


@needs_peft
def test_what_is_learned_has_the_adapters_rank(new_model):
    model, start = new_model(), new_model()
    _, losses = trained(model)
    assert losses[2] < losses[0]
    for (name, now), before in zip(model.named_parameters(), start.parameters(), strict=True):
        if "_proj.weight" in name:
            assert torch.linalg.matrix_rank(now - before, tol=1e-5) == 2, name
        else:
            assert torch.equal(now, before), name


@needs_peft
def test_the_model_computes_what_its_copy_with_adapters_does(new_model):
    model = new_model()
    stepper, _ = trained(model)
    with torch.no_grad():
        total, count = stepper._copy.loss(lambda copy: _unpacked(sft_loss(copy, ROWS)))
    scored = sum(sum(row) for row in score_rows(model, ROWS, 0))
    assert float(total) == pytest.approx(-scored, rel=1e-5)
    assert count == sum(len(row.target_ids) for row in ROWS)


def _unpacked(result: LossSum):
    return result.total, result.count


@needs_peft
def test_only_the_named_layers_have_adapters(new_model):
    copy = WorkingCopy(new_model(), LoraConfig(rank=1, targets=["q_proj", "v_proj"]))
    assert {name.split(".")[-4] for name in copy.parameters} == {"q_proj", "v_proj"}


@needs_peft
def test_a_layer_that_is_not_there_is_named(new_model):
    with pytest.raises(UserError, match=r"lora.targets names w_proj, and the model's linear layers are down_proj, "):
        WorkingCopy(new_model(), LoraConfig(rank=1, targets=["q_proj", "w_proj"]))


@needs_peft
def test_a_scalar_head_is_trained_whole(new_model, tokenizer, tmp_path):
    from lm.folder import save_model
    from prm.model import last_token_scores, new_scorer_from_policy

    save_model(new_model(), tokenizer, tmp_path / "policy")
    scorer, _ = new_scorer_from_policy(tmp_path / "policy", 1)
    before = scorer.score.weight.detach().clone()

    def loss(model, rows):
        scores = last_token_scores(model, [row.prompt_ids + row.target_ids for row in rows])
        return LossSum(((scores - 1) ** 2).sum(), len(rows))

    _, losses = trained(scorer, loss=loss)
    assert losses[2] < losses[0]
    assert not torch.equal(scorer.score.weight, before)


def test_without_peft_one_sentence_says_what_to_install(new_model, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(UserError, match=r"needs the peft library; install it \(pip install 'treeward\[lora\]'\)"):
        Stepper(new_model(), CONFIG, "test")


@pytest.mark.parametrize(("change", "named"), [({"rank": -1}, "lora.rank"), ({"alpha": 0.0}, "lora.alpha")])
def test_options_out_of_range_are_refused(change, named):
    with pytest.raises(UserError, match=named):
        replace(LoraConfig(), **change)
