"""The process preference model (PPM): a policy's backbone with a scalar head, read at the last token.

It is an ordinary HF ``*ForSequenceClassification(num_labels=1)`` folder. One with classes, ``num_labels`` 2 or 3, is
read in the same way: ``raw_scores`` makes one score of its outputs.

Shape legend: B rows, H width, K outputs of the head.
"""

from __future__ import annotations

import json
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

CLASS_VALUES = {2: (-1.0, 1.0), 3: (-1.0, 0.0, 1.0)}  # what the classes of a head stand for, in their order
CLASS_NAMES = {2: ("wrong", "right"), 3: ("wrong", "neutral", "right")}

_HEAD_SPREAD = 0.02


def new_scorer_from_policy(
    policy_path: Path | str, seed: int, device: str = "cpu", outputs: int = 1
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A PPM on the backbone of a policy folder, with a new head drawn from ``seed``, and the policy's tokenizer.

    ``outputs``: of the head, 1 for a score, 2 or 3 for classes.

    A folder that is a PPM already keeps its head: training goes on.
    The head is normal with mean 0 and a small spread, so a new PPM prefers nothing in particular.
    """
    tokenizer = load_tokenizer(policy_path)
    if (kept := _outputs_of(policy_path)) not in (None, outputs):
        raise DataError(f"{policy_path}: its head has {kept} outputs, and {outputs} are to be trained; name a policy")
    with torch.random.fork_rng(devices=[]):  # loading draws a head of its own; nobody else's random numbers move
        model = load_scorer(policy_path, device, labels=outputs)
    model.config.pad_token_id = tokenizer.pad_token_id
    if is_ppm(model):
        return model, tokenizer
    if outputs in CLASS_NAMES:
        model.config.id2label = dict(enumerate(CLASS_NAMES[outputs]))
        model.config.label2id = {name: index for index, name in enumerate(CLASS_NAMES[outputs])}
    weight = head_of(model).weight
    drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        weight.copy_(drawn * _HEAD_SPREAD)
    return model, tokenizer


def load_ppm(path: Path | str, device: str = "cpu", dtype: str = "float32") -> PreTrainedModel:
    """A trained PPM. DataError for a folder without a trained head, such as a policy's."""
    model = load_scorer(path, device, dtype, _outputs_of(path) or 1)
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


def _outputs_of(path: Path | str) -> int | None:
    """How many outputs the head of a folder has; None where there is no head yet, or nothing that can be read."""
    try:
        config = json.loads((Path(path) / "config.json").read_text(encoding="utf-8"))
        named = [str(name) for name in config.get("architectures") or []]
        if not any(name.endswith("ForSequenceClassification") for name in named):
            return None
        return len(config.get("id2label") or (0, 1))  # transformers writes no names where there are two
    except (OSError, ValueError, AttributeError, TypeError):
        return None  # who loads it says what is wrong


def head_of(model: PreTrainedModel) -> torch.nn.Linear:
    """The linear layer [K, H] on the last hidden state: a score (K = 1), or classes."""
    head = getattr(model, "score", None)
    if not isinstance(head, torch.nn.Linear) or head.out_features not in (1, *CLASS_VALUES):
        raise DataError(
            f"{model.name_or_path}: {type(model).__name__} has no head called score with 1, 2 or 3 outputs; "
            "use a decoder such as Qwen2 or Llama"
        )
    return head


def scalar_head(model: PreTrainedModel) -> torch.nn.Linear:
    """The linear layer [1, H] that turns the last hidden state into the score."""
    head = head_of(model)
    if head.out_features != 1:
        raise DataError(f"{model.name_or_path}: the head has {head.out_features} outputs where a score is needed")
    return head


def raw_scores(outputs_BK: torch.Tensor) -> torch.Tensor:
    """One raw score [B] (float32) per row: tanh of it is the value in [-1, 1].

    A scalar head's is its output. That of classes c with values v_c is the inverse tanh of the expected value, sum over
    c of softmax(x)_c v_c, taken from the outputs x themselves, so that it does not saturate where the value does:

        1/2 (log sum over c of (1 + v_c) exp(x_c) - log sum over c of (1 - v_c) exp(x_c))
    """
    outputs_BK = outputs_BK.float()
    if outputs_BK.shape[1] == 1:
        return outputs_BK[:, 0]
    values_K = outputs_BK.new_tensor(CLASS_VALUES[outputs_BK.shape[1]])
    up_B, down_B = ((outputs_BK + torch.log1p(sign * values_K)).logsumexp(1) for sign in (1, -1))
    return (up_B - down_B) / 2


def last_token_scores(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """Raw score (before tanh, float32) of each row of token ids, read at its last token; shape [B].

    Prefixes that rows share are computed once. HF's own forward looks for the last token that differs from the
    padding id, which is wrong for a row that ends in that id (a padding id equal to the end-of-text id): here the
    row's length decides.
    """
    return raw_scores(head_of(model)(last_hidden(model, rows)))


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
