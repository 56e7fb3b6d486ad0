"""Log-probabilities of given tokens.

Shape legend: B rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from lm.rows import IGNORED, PaddedBatch, TextRow, in_order_batches, pad


def target_batch(rows: list[TextRow], pad_id: int, device: torch.device | str) -> tuple[PaddedBatch, torch.Tensor]:
    """Pad rows; labels_BT holds the target ids at their own positions and IGNORED elsewhere."""
    batch = pad([row.prompt_ids + row.target_ids for row in rows], pad_id, device)
    labels_BT = torch.full_like(batch.ids_BT, IGNORED)
    for index, row in enumerate(rows):
        labels_BT[index, len(row.prompt_ids) : row.length] = batch.ids_BT[index, len(row.prompt_ids) : row.length]
    return batch, labels_BT


def target_logprobs(model: PreTrainedModel, batch: PaddedBatch, labels_BT: torch.Tensor) -> torch.Tensor:
    """Log-probability (nats, float32) of each labelled token given what precedes it; a flat tensor in row order.

    The vocabulary projection is computed at the labelled positions only.
    """
    hidden_BTH = model.base_model(input_ids=batch.ids_BT, use_cache=False).last_hidden_state
    wanted_BT = labels_BT[:, 1:] != IGNORED
    head = model.get_output_embeddings()
    assert isinstance(head, torch.nn.Module)
    logits_NV = head(hidden_BTH[:, :-1][wanted_BT]).float()
    labels_N = labels_BT[:, 1:][wanted_BT]
    logprobs_N: torch.Tensor = logits_NV.log_softmax(-1).gather(1, labels_N[:, None])[:, 0]
    return logprobs_N


@torch.no_grad()
def score_rows(
    model: PreTrainedModel, rows: list[TextRow], pad_id: int, batch_tokens: int = 16384
) -> list[list[float]]:
    """For each row, the log-probabilities of its target tokens, in the order of ``rows``."""
    result: list[list[float]] = [[] for _ in rows]
    for indices in in_order_batches([row.length for row in rows], batch_tokens):
        part = [rows[index] for index in indices]
        batch, labels_BT = target_batch(part, pad_id, model.device)
        flat = target_logprobs(model, batch, labels_BT).split([len(row.target_ids) for row in part])
        for index, values in zip(indices, flat, strict=True):
            result[index] = values.tolist()
    return result
