"""Attention in which each token sees the keys of its own path, gathered by slot from a pool.

Registered in transformers' table of attention functions and switched on for the length of a call, so that a model that
others use too attends as before everywhere else.
Shape legend: N tokens computed together, R runs of a chunk, Q tokens of the longest run, T tokens of the longest path,
H heads, D head width, S slots.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from policy.chunk import Chunk
from tasks.errors import UserError

_NAME = "treeward_paths"


@dataclass(slots=True)
class PathAttention:
    """One forward pass: the pool [layers, S, 2 * key heads * D] (keys, then values), the new tokens' slots, and their
    chunks. ``room`` is where a chunk's keys and values are gathered: asking the system for it each time costs more than
    filling it.
    """

    pool: torch.Tensor
    room: torch.Tensor
    slots_N: torch.Tensor
    chunks: Sequence[Chunk]

    def attend(
        self, module: torch.nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, **options: Any
    ) -> torch.Tensor:
        """Put the layer's new keys and values into their slots, then attend along the paths; [1, N, H, D]."""
        assert isinstance(module.layer_idx, int)
        pool_S = self.pool[module.layer_idx]
        key_NHD, value_NHD, query_NHD = (states[0].transpose(0, 1) for states in (key, value, query))
        pool_S.index_copy_(0, self.slots_N, torch.cat([key_NHD, value_NHD], 1).flatten(1))
        attended = []
        for chunk in self.chunks:
            paths_RTW = chunk.gather(pool_S, self.room)
            keys, values = paths_RTW.unflatten(2, (2, *key_NHD.shape[1:])).transpose(1, 3).unbind(2)
            query_RHQD = chunk.queries(query_NHD).transpose(1, 2)
            mask = chunk.mask(options.get("sliding_window"))
            found_RQHD, _ = sdpa_attention_forward(module, query_RHQD, keys, values, mask, **options)
            attended.append(chunk.results(found_RQHD))
        return (attended[0] if len(attended) == 1 else torch.cat(attended))[None]


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    paths: PathAttention,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    assert attention_mask is None, "a path's mask is made here"
    return paths.attend(module, query, key, value, **options), None


AttentionInterface.register(_NAME, _attention)


def refuse_unfit(model: PreTrainedModel) -> None:
    """Raise UserError for a model that cannot attend along paths."""
    config = model.config.get_text_config()
    if not getattr(model, "_supports_attention_backend", False) or getattr(config, "attn_logit_softcapping", None):
        raise UserError(
            f"engine=hf cannot run {type(model).__name__}: its attention is not open to other implementations; "
            "use engine=vllm"
        )


@contextmanager
def attending_along_paths(model: PreTrainedModel) -> Iterator[None]:
    """While this lasts the model's passes take a ``paths`` argument, a PathAttention."""
    config = model.config
    usual = config._attn_implementation
    config._attn_implementation = _NAME
    try:
        yield
    finally:
        config._attn_implementation = usual
