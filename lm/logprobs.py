"""Log-probabilities of given tokens.

Shape legend: B rows, T tokens (padded), N target tokens of all rows, V vocabulary; in packed rows U places whose next
token is asked for, P places of target tokens. Target tokens that are given (``TextRow``) count as prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from lm.packing import pack
from lm.rows import IGNORED, PaddedBatch, TextRow, in_order_batches, pad
from lm.tree_attention import can_pack, packed_hidden


def target_batch(rows: list[TextRow], pad_id: int, device: torch.device | str) -> tuple[PaddedBatch, torch.Tensor]:
    """Pad rows; labels_BT holds the learned ids at their own positions and IGNORED elsewhere."""
    batch = pad([row.ids for row in rows], pad_id, device)
    labels_BT = torch.full_like(batch.ids_BT, IGNORED)
    for index, row in enumerate(rows):
        labels_BT[index, len(row.prompt_ids) : row.length] = batch.ids_BT[index, len(row.prompt_ids) : row.length]
        for start, end in row.given:
            labels_BT[index, len(row.prompt_ids) + start : len(row.prompt_ids) + end] = IGNORED
    return batch, labels_BT


def target_logprobs(model: PreTrainedModel, batch: PaddedBatch, labels_BT: torch.Tensor) -> torch.Tensor:
    """Log-probability (nats, float32) of each labelled token given what precedes it; a flat tensor in row order.

    The vocabulary projection is computed at the labelled positions only.
    """
    logprobs_NV, labels_N = _target_distributions(model, batch, labels_BT)
    return logprobs_NV.gather(1, labels_N[:, None])[:, 0]


def shared_logprobs(model: PreTrainedModel, rows: Sequence[TextRow]) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probability and entropy [N] (nats, float32) at every learned target token, row after row.

    Prefixes that rows share are computed once (``lm.packing``), and so are the shared targets' log-probs: rows of one
    tree cost what the tree costs. A token of several rows occurs once in each, so whatever is done per row, clipping
    too, is done per row; the gradients meet where the rows do. A model that cannot be packed gets one padded row per
    trajectory. The entropy is that of the distribution the token was drawn from, and carries no gradient.
    ValueError for a target without a prompt: nothing says how likely a first token is.
    """
    rows = [row for row in rows if row.learned]
    if not all(row.prompt_ids for row in rows):
        raise ValueError("the first target token needs a prompt before it")
    if not rows:
        return torch.zeros(0, device=model.device), torch.zeros(0, device=model.device)
    if not can_pack(model, max(row.length for row in rows)):
        logprobs_NV, labels_N = _target_distributions(model, *target_batch(rows, 0, model.device))
        return logprobs_NV.gather(1, labels_N[:, None])[:, 0], _entropy(logprobs_NV)
    packed = pack([row.ids for row in rows], model.device)
    asked = [(path, row.learned_places()) for path, row in zip(packed.paths, rows, strict=True)]
    before_N = np.concatenate([path[places - 1] for path, places in asked])
    at_N = np.concatenate([path[places] for path, places in asked])
    at_P, first_P, back_N = np.unique(at_N, return_index=True, return_inverse=True)
    before_U, back_P = np.unique(before_N[first_P], return_inverse=True)
    places_U, backs_P, places_P, backs_N = (
        torch.from_numpy(places).to(model.device) for places in (before_U, back_P, at_P, back_N)
    )
    logprobs_UV = _next_logprobs(model, packed_hidden(model, packed).index_select(0, places_U))
    logprobs_P = logprobs_UV[backs_P, packed.ids_N[places_P]]
    return logprobs_P[backs_N], _entropy(logprobs_UV)[backs_P][backs_N]


def _target_distributions(
    model: PreTrainedModel, batch: PaddedBatch, labels_BT: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """For every labelled token, row after row, the log-probs [N, V] that it was drawn by, and the token [N]."""
    hidden_BTH = model.base_model(input_ids=batch.ids_BT, use_cache=False).last_hidden_state
    wanted_BT = labels_BT[:, 1:] != IGNORED
    return _next_logprobs(model, hidden_BTH[:, :-1][wanted_BT]), labels_BT[:, 1:][wanted_BT]


def _next_logprobs(model: PreTrainedModel, hidden_NH: torch.Tensor) -> torch.Tensor:
    """Log-probabilities [N, V] of what follows each hidden state."""
    head = model.get_output_embeddings()
    assert isinstance(head, torch.nn.Module)
    logprobs_NV: torch.Tensor = head(hidden_NH).float().log_softmax(-1)
    return logprobs_NV


@torch.no_grad()
def _entropy(logprobs_NV: torch.Tensor) -> torch.Tensor:
    return -(logprobs_NV.exp() * logprobs_NV).sum(-1)


@torch.no_grad()
def score_rows(
    model: PreTrainedModel, rows: list[TextRow], pad_id: int, batch_tokens: int = 16384
) -> list[list[float]]:
    """For each row, the log-probabilities of its learned tokens, in the order of ``rows``."""
    result: list[list[float]] = [[] for _ in rows]
    for indices in in_order_batches([row.length for row in rows], batch_tokens):
        part = [rows[index] for index in indices]
        batch, labels_BT = target_batch(part, pad_id, model.device)
        flat = target_logprobs(model, batch, labels_BT).split([row.learned for row in part])
        for index, values in zip(indices, flat, strict=True):
            result[index] = values.tolist()
    return result
