"""A key/value cache that is filled once per prompt, forked for its generations and written in place.

Shape legend: R rows, H key heads, T tokens, D head width.
"""

from __future__ import annotations

import torch
from transformers import Cache
from transformers.cache_utils import CacheLayerMixin


class _Layer(CacheLayerMixin):
    """One layer's keys and values [R, H, T, D] with room for ``capacity`` tokens.

    transformers' dynamic cache copies everything at each token; this one writes the new token into its place.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.capacity = capacity
        self.filled = 0

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        rows, heads, _, width = key_states.shape
        self.keys = key_states.new_empty((rows, heads, self.capacity, width))
        self.values = value_states.new_empty((rows, heads, self.capacity, value_states.shape[-1]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        end = self.filled + key_states.shape[2]
        self.keys[:, :, self.filled : end] = key_states
        self.values[:, :, self.filled : end] = value_states
        self.filled = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def select(self, rows_R: torch.Tensor, capacity: int) -> _Layer:
        """The given rows, repeated or left out, in a new layer."""
        assert self.keys is not None
        assert self.values is not None
        chosen = _Layer(capacity)
        chosen.lazy_initialization(self.keys[rows_R, :, :0], self.values[rows_R, :, :0])
        assert chosen.keys is not None
        assert chosen.values is not None
        chosen.keys[:, :, : self.filled] = self.keys[rows_R, :, : self.filled]
        chosen.values[:, :, : self.filled] = self.values[rows_R, :, : self.filled]
        chosen.filled = self.filled
        return chosen

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.filled + query_length, 0

    def get_seq_length(self) -> int:
        return self.filled

    def get_max_length(self) -> int:
        return self.capacity


class ForkableCache(Cache):
    """A transformers cache whose rows can be chosen again: to fork prompts and to drop finished rows."""

    def __init__(self, layers: int, capacity: int) -> None:
        super().__init__(layers=[_Layer(capacity) for _ in range(layers)])

    def select(self, rows_R: torch.Tensor, capacity: int) -> ForkableCache:
        """A cache that holds copies of the rows ``rows_R`` and has room for ``capacity`` tokens."""
        chosen = ForkableCache(0, capacity)
        chosen.layers = [layer.select(rows_R, capacity) for layer in self.layers if isinstance(layer, _Layer)]
        return chosen
