"""Supervised fine-tuning: raise the log-probability of given solutions, counted per target token."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lm.logprobs import target_batch, target_logprobs
from lm.rows import TextRow
from lm.train import LossSum
from policy.code_steps import encode_plain
from policy.proposer import PromptEncoder
from tasks.problem import Demonstration
from tasks.suites.code_format import pieces


def demonstration_row(
    demonstration: Demonstration, encode: PromptEncoder, tokenizer: PreTrainedTokenizerFast
) -> TextRow:
    """A worked solution as a row; the end token follows it, so that the policy learns to stop.

    What code printed in it is given, and is encoded apart from what stands around it, as it will be in sampling.
    """
    problem, ids, given = demonstration.problem, list[int](), []
    for text, is_observed in pieces(demonstration.solution):
        start = len(ids)
        ids += encode_plain(tokenizer, text) if is_observed else tokenizer.encode(text, add_special_tokens=False)
        if is_observed:
            given.append((start, len(ids)))
    return TextRow(problem.id, encode(problem.prompt), (*ids, tokenizer.eos_token_id), tuple(given))


def sft_loss(model: PreTrainedModel, rows: list[TextRow]) -> LossSum[TextRow]:
    """Cross-entropy of the target tokens: -sum log pi(token | what precedes it), and how many tokens."""
    batch, labels_BT = target_batch(rows, int(model.config.pad_token_id or 0), model.device)
    logprobs_N: torch.Tensor = target_logprobs(model, batch, labels_BT)
    return LossSum(-logprobs_N.sum(), float(logprobs_N.numel()))
