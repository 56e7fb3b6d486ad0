"""Models over packed rows: attention in which each segment sees its ancestors, in transformers' table of attentions.

The keys and values of a segment's path are gathered (``lm.packing``), so a bucket of segments is one ordinary batched
attention: no mask over all pairs of packed tokens, no loop over nodes.

Shape legend: as in ``lm.packing``; H width, A attention heads, V key/value heads, F = A / V, D size of a head.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from lm.packing import Bucket, PackedRows, pack
from lm.rows import pad

_NAME = "tree_packed"
_CHECKED_KINDS = frozenset({"qwen2", "qwen3", "llama", "mistral"})  # config.model_type of what the tests compare
_ONE_AT_A_TIME = threading.Lock()  # for whoever changes a model's attention and changes it back


def last_hidden(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """The last hidden state [R, H] at each row's last token, with shared prefixes computed once.

    Packing was not slower than one padded row per path in any case that was measured (docs/performance.md), so only
    a model that ``can_pack`` refuses is given those. ValueError without rows and for an empty row.
    """
    if not rows or not all(map(len, rows)):
        raise ValueError("a row to be read needs at least one token")
    if not can_pack(model, max(map(len, rows))):
        return last_hidden_padded(model, rows)
    packed = pack(rows, model.device)
    return packed_hidden(model, packed)[packed.ends_R]


def last_hidden_padded(model: PreTrainedModel, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """What ``last_hidden`` gives, from one padded row per path: every prefix is computed as often as it occurs."""
    batch = pad(rows, 0, model.device)  # any id would do: a causal model never looks at what follows a row
    hidden_BTH = model.base_model(input_ids=batch.ids_BT, use_cache=False).last_hidden_state
    last: torch.Tensor = hidden_BTH[torch.arange(len(rows), device=model.device), batch.mask_BT.sum(1) - 1]
    return last


def can_pack(model: PreTrainedModel, longest: int) -> bool:
    """Is the model of a kind whose packed numbers are tested, and does it see ``longest`` tokens back?

    Gradient checkpointing would compute a layer again after its attention was changed back, so it rules packing out.
    """
    window = getattr(model.config, "sliding_window", None)
    sees_all = window is None or longest <= window
    return model.config.model_type in _CHECKED_KINDS and sees_all and not model.is_gradient_checkpointing


def packed_hidden(model: PreTrainedModel, packed: PackedRows) -> torch.Tensor:
    """The last hidden state [N, H] of every packed token; gradients flow."""
    # A mask of four dimensions is handed through untouched; nothing but the attention below could work with this one.
    no_mask = torch.empty(1, 1, 0, 0, dtype=torch.bool, device=packed.ids_N.device)
    with _tree_attention(model):
        hidden: torch.Tensor = model.base_model(
            input_ids=packed.ids_N[None],
            position_ids=packed.depths_N[None],
            attention_mask=no_mask,
            packed=packed,
            use_cache=False,
        ).last_hidden_state[0]
    return hidden


@contextmanager
def _tree_attention(model: PreTrainedModel) -> Iterator[None]:
    """Within, the model attends along the trie when told to, and as with ``sdpa`` when another thread calls it."""
    with _ONE_AT_A_TIME:
        before = model.config._attn_implementation
        model.config._attn_implementation = _NAME
        try:
            yield
        finally:
            model.config._attn_implementation = before


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    packed: PackedRows | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention: query [1, A, N, D], key and value [1, V, N, D] -> [1, N, A, D]."""
    if packed is None:
        plain = ALL_ATTENTION_FUNCTIONS["sdpa"]
        return plain(module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others)  # type: ignore[no-any-return]
    size, heads, shared_heads = query.shape[-1], query.shape[1], key.shape[1]
    # Under autocast the values are already in the dtype that attention will compute in, queries and keys are not.
    tables = [one[0].to(value.dtype).transpose(0, 1).flatten(1) for one in (query, key, value)]
    answers = [
        _attend(bucket, tables, (shared_heads, heads // shared_heads, size), dropout, scaling)
        for bucket in packed.buckets
    ]
    return torch.cat(answers).index_select(0, packed.slots_N).view(1, -1, heads, size), None


def _attend(
    bucket: Bucket,
    tables: list[torch.Tensor],
    heads: tuple[int, int, int],
    dropout: float,
    scaling: float | None,
) -> torch.Tensor:
    """The answers [G * Q, A * D] of a bucket, from the tables of queries [N, A * D], keys and values [N, V * D].

    Query heads that share keys are stacked as further queries.
    """
    shared, fold, size = heads
    segments, slots = bucket.queries_GQ.shape
    queries_GQVFD = tables[0].index_select(0, bucket.queries_GQ.flatten()).view(segments, slots, shared, fold, size)
    keys_GVKD, values_GVKD = (
        table.index_select(0, bucket.keys_GK.flatten()).view(segments, -1, shared, size).transpose(1, 2)
        for table in tables[1:]
    )
    mask = bucket.mask_GQK[:, None].to(keys_GVKD.dtype)
    answers = torch.nn.functional.scaled_dot_product_attention(
        queries_GQVFD.permute(0, 2, 3, 1, 4).reshape(segments, shared, fold * slots, size),
        keys_GVKD,
        values_GVKD,
        attn_mask=mask if fold == 1 else mask.repeat(1, 1, fold, 1),
        dropout_p=dropout,
        scale=scaling,
    )
    answers_GQVFD = answers.view(segments, shared, fold, slots, size).permute(0, 3, 1, 2, 4)
    return answers_GQVFD.reshape(segments * slots, shared * fold * size)


AttentionInterface.register(_NAME, _attention)
AttentionMaskInterface.register(_NAME, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
