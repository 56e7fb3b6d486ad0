"""Supervised fine-tuning: the loss against NumPy, and only on the target."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lm.config import OptimiserConfig, Precision
from lm.rows import TextRow
from lm.train import train
from policy.config import PromptConfig
from policy.engine import Finish, GenerateRequest, Sampling
from policy.hf_engine import HfEngine
from policy.proposer import PromptEncoder
from policy.sft import demonstration_row, sft_loss
from tasks.problem import Demonstration, Problem

ROWS = [TextRow("a", (5, 6, 7), (30, 31)), TextRow("b", (8,), (40, 41, 42, 43, 1)), TextRow("c", (9, 9), (0,))]


def numpy_loss(model, row: TextRow) -> float:
    with torch.no_grad():
        logits = model(torch.tensor([row.prompt_ids + row.target_ids])).logits[0].double().numpy()
    start = len(row.prompt_ids)
    predicting = logits[start - 1 : start - 1 + len(row.target_ids)]
    normaliser = np.log(np.exp(predicting - predicting.max()).sum(-1)) + predicting.max()
    return float((normaliser - predicting[np.arange(len(row.target_ids)), list(row.target_ids)]).sum())


@torch.no_grad()
def test_loss_equals_numpy_and_counts_target_tokens(model):
    for rows in (ROWS, ROWS[:1]):
        found = sft_loss(model, rows)
        assert float(found.total) == pytest.approx(sum(numpy_loss(model, row) for row in rows), rel=1e-6)
        assert found.count == sum(len(row.target_ids) for row in rows)


@torch.no_grad()
def test_the_prompt_is_not_learned(model):
    """The same target after the same prompt, cut elsewhere: the loss is the sum of what is called target."""
    whole, prompt = TextRow("a", (5,), (6, 7, 30)), TextRow("a", (5,), (6, 7))
    target = TextRow("a", (5, 6, 7), (30,))
    difference = sft_loss(model, [whole]).total - sft_loss(model, [prompt]).total
    assert float(sft_loss(model, [target]).total) == pytest.approx(float(difference), abs=1e-4)


def test_a_demonstration_ends_with_the_end_token(characters):
    encode = PromptEncoder(PromptConfig("Q: {prompt}\n"), characters)
    row = demonstration_row(Demonstration(Problem("p", "1+1?", "2"), "1+1=2\n#### 2\n"), encode, characters)
    assert row.problem_id == "p"
    assert characters.decode(row.prompt_ids) == "Q: 1+1?\n"
    assert row.target_ids[-1] == characters.eos_token_id
    assert characters.decode(row.target_ids[:-1]) == "1+1=2\n#### 2\n"
    assert characters.eos_token_id not in row.prompt_ids + row.target_ids[:-1]


def test_a_policy_learns_two_solutions_by_heart(characters, narrow):
    """Training, log-probs and the engine together: what was learned is what greedy decoding says."""
    encode = PromptEncoder(PromptConfig("{prompt}\n"), characters)
    told = [Demonstration(Problem(q, q, ""), text) for q, text in (("x?", "ab\n#### 1\n"), ("longer?", "b\n#### 22\n"))]
    rows = [demonstration_row(one, encode, characters) for one in told]
    model = narrow(characters, list(range(len(characters))))
    config = OptimiserConfig(learning_rate=2e-2, epochs=60, batch_rows=2, micro_rows=2, precision=Precision.FP32)
    records = train(model, rows, sft_loss, config, 1, "cold start")
    assert records[-1].loss < 0.1
    asked = [GenerateRequest(row.prompt_ids, 1, Sampling(temperature=0.0), 0) for row in rows]
    for row, (found,) in zip(rows, HfEngine(model, characters).generate(asked), strict=True):
        assert (found.token_ids, found.finish) == (row.target_ids, Finish.END)
