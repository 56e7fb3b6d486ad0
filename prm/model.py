"""The process preference model (PPM): a policy's backbone with a scalar head, read at the last token.

It is an ordinary HF ``*ForSequenceClassification(num_labels=1)`` folder. Shape legend: B rows, H width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from lm.folder import load_scorer, load_tokenizer
from lm.packing import packed_batches
from lm.tree_attention import last_hidden
from tasks.errors import DataError

PromptIds = Callable[[str], Sequence[int]]
"""A problem's prompt to token ids: the function that the policy is prompted with."""

BATCH_TOKENS = 4096  # tokens scored at once: more of them leave a CPU's cache, fewer share less (docs/performance.md)

_HEAD_SPREAD = 0.02


def new_scorer_from_policy(
    policy_path: Path | str, seed: int, device: str = "cpu"
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A PPM on the backbone of a policy folder, with a new head drawn from ``seed``, and the policy's tokenizer.

    A folder that is a PPM already keeps its head: training goes on.
    The head is normal with mean 0 and a small spread, so a new PPM prefers nothing in particular.
    """
    tokenizer = load_tokenizer(policy_path)
    with torch.random.fork_rng(devices=[]):  # loading draws a head of its own; nobody else's random numbers move
        model = load_scorer(policy_path, device)
    model.config.pad_token_id = tokenizer.pad_token_id
    if is_ppm(model):
        return model, tokenizer
    weight = scalar_head(model).weight
    drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        weight.copy_(drawn * _HEAD_SPREAD)
    return model, tokenizer


def load_ppm(path: Path | str, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A trained PPM. DataError for a folder without a trained head, such as a policy's."""
    model = load_scorer(path, device, dtype)
    if not is_ppm(model):
        kind = ", ".join(model.config.architectures or ["unnamed"])
        raise DataError(
            f"{path}: a PPM is a ForSequenceClassification folder, this one is {kind}; name a ppm folder of a round"
        )
    return model


def is_ppm(model: PreTrainedModel) -> bool:
    """Was the folder saved with a scalar head? (A policy's folder loads too, with a head made up on the spot.)"""
    names: list[str] = model.config.architectures or []
    return any(name.endswith("ForSequenceClassification") for name in names)


def scalar_head(model: PreTrainedModel) -> torch.nn.Linear:
    """The linear layer [1, H] that turns the last hidden state into the score."""
    head = getattr(model, "score", None)
    if not isinstance(head, torch.nn.Linear) or head.out_features != 1:
        raise DataError(
            f"{model.name_or_path}: {type(model).__name__} has no scalar head called score; "
            "use a decoder such as Qwen2 or Llama"
        )
    return head


def last_token_scores(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Raw score (before tanh, float32) of each row of token ids, read at its last token; shape [B].

    Prefixes that rows share are computed once. HF's own forward looks for the last token that differs from the
    padding id, which is wrong for a row that ends in that id (a padding id equal to the end-of-text id): here the
    row's length decides.
    """
    scores_B: torch.Tensor = scalar_head(model)(last_hidden(model, rows))[:, 0]
    return scores_B.float()


@torch.no_grad()
def score_rows(
    model: PreTrainedModel, rows: Sequence[tuple[int, ...]], batch_tokens: int = BATCH_TOKENS
) -> dict[tuple[int, ...], float]:
    """The raw score of every distinct row, in batches of at most ``batch_tokens`` tokens, shared ones counted once."""
    distinct = list(dict.fromkeys(rows))
    scores: dict[tuple[int, ...], float] = {}
    for indices in packed_batches(distinct, batch_tokens):
        part = [distinct[index] for index in indices]
        scores.update(zip(part, last_token_scores(model, part).tolist(), strict=True))
    return scores
