"""Keys and values by node of a prefix store, and the model that computes them.

A forward pass computes any set of new nodes together, each token once, packed into one row without padding: the
continuations of many prefixes, whole prompts, and prompts that go on from each other. In every layer the new keys and
values are put into their slots first, and then each node attends to its path (policy/path_attention.py). So a fork
costs nothing, and nothing is copied when a generation begins, branches or ends.
Shape legend: N nodes, R runs, T tokens of the longest path, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from policy.chunk import Chunk
from policy.path_attention import PathAttention, attending_along_paths
from policy.prefix_store import PrefixStore

# Computed in one pass; longer ones would take memory and save no time.
_PASS_TOKENS = 8192
# Keys gathered at once. On a CPU they should still lie in its cache when they are multiplied.
_GATHERED_ON_CPU, _GATHERED_ON_GPU = 1 << 13, 1 << 18

Run = Sequence[int]  # nodes, each the parent of the next


def bytes_per_node(model: PreTrainedModel) -> int:
    """What a node takes in the pool."""
    layers, key_width, hidden = _sizes(model)
    return (2 * layers * key_width + hidden) * model.dtype.itemsize


class KeyValuePool:
    """Keys, values and last hidden states of the nodes of ``store``, by slot."""

    def __init__(self, model: PreTrainedModel, store: PrefixStore) -> None:
        self._model = model
        self._device = model.device
        self._store = store
        layers, key_width, hidden = _sizes(model)
        slots = store.capacity + 1
        # Left unfilled: an operating system hands out memory as it is written. Slot 0 is read, as padding.
        self._pool = torch.empty((layers, slots, 2 * key_width), dtype=model.dtype, device=model.device)
        self._hidden = torch.empty((slots, hidden), dtype=model.dtype, device=model.device)
        self._pool[:, 0] = 0
        self._scratch = self._pool[0, :0]
        self._gathered = _GATHERED_ON_CPU if model.device.type == "cpu" else _GATHERED_ON_GPU

    def follow(self, store: PrefixStore) -> None:
        """Keep the nodes of another store of the same capacity; what is in memory means nothing any more."""
        self._store = store

    @torch.inference_mode()
    def read(self, runs: Sequence[Run]) -> None:
        """Compute the nodes of the runs. The parent of a run's first node is computed already, or in an earlier run."""
        for part in _passes(runs):
            nodes_N, chunks = self._chunks(part)
            slots_N = self._put(nodes_N)
            with attending_along_paths(self._model):
                hidden = self._model.base_model(
                    input_ids=self._put(self._store.token[nodes_N])[None],
                    position_ids=self._put(self._store.depth[nodes_N] - 1)[None],
                    use_cache=False,
                    paths=PathAttention(self._pool, self._room(chunks), slots_N, chunks),
                ).last_hidden_state
            self._hidden.index_copy_(0, slots_N, hidden[0])

    def _chunks(self, runs: Sequence[Run]) -> tuple[np.ndarray, list[Chunk]]:
        """The nodes in the order in which they are computed, and the chunks, which follow each other in it."""
        lengths_R = np.array([len(run) for run in runs])
        ends_R = np.array([run[-1] for run in runs])
        depths_R = self._store.depth[ends_R]
        nodes: list[int] = []
        chunks = []
        for rows in _alike(lengths_R, depths_R, self._gathered):
            ends, depths, lengths = ends_R[rows], depths_R[rows], lengths_R[rows]
            chunks.append(Chunk(self._store.paths(ends), depths, lengths, len(nodes), self._device))
            nodes.extend(node for row in rows.tolist() for node in runs[row])
        return np.array(nodes), chunks

    @torch.inference_mode()
    def logits(self, nodes_N: Sequence[int]) -> torch.Tensor:
        """What follows each of the computed nodes, [N, V]."""
        head = self._model.get_output_embeddings()
        assert isinstance(head, torch.nn.Module)
        logits_NV: torch.Tensor = head(self._hidden.index_select(0, self._put(np.array(nodes_N))))
        return logits_NV

    def _room(self, chunks: Sequence[Chunk]) -> torch.Tensor:
        """Where the chunks' keys are gathered, one chunk after the other."""
        needed = max(chunk.gathered for chunk in chunks)
        if needed > len(self._scratch):
            self._scratch = self._pool.new_empty((needed, self._pool.shape[-1]))
        return self._scratch

    def _put(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self._device)


def _sizes(model: PreTrainedModel) -> tuple[int, int, int]:
    """Layers, the width of a layer's keys (and values) of one token, and the hidden width."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    head_width = getattr(config, "head_dim", None) or config.hidden_size // heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    return config.num_hidden_layers, key_heads * head_width, config.hidden_size


def _alike(lengths_R: np.ndarray, depths_R: np.ndarray, limit: int) -> list[np.ndarray]:
    """The runs in parts of like length with paths of like length, none of more than ``limit`` keys when padded."""
    # A size class is padded to its longest run: at most to twice a run's length.
    classes_R = np.frexp(lengths_R - 1)[1]
    if classes_R.min() == classes_R.max() and depths_R.max() * len(depths_R) <= limit:
        return [np.arange(len(depths_R))]  # as in most passes, which are short
    order_R = np.lexsort((depths_R, classes_R))
    classes, depths = classes_R[order_R].tolist(), depths_R[order_R].tolist()
    cuts = [0]
    for index in range(1, len(order_R)):
        first = cuts[-1]
        if classes[index] != classes[first] or depths[index] * (index + 1 - first) > limit:
            cuts.append(index)
    return np.split(order_R, cuts[1:])


def _passes(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """The runs in order, a limited number of tokens at a time; a longer run is cut."""
    part: list[Run] = []
    room = _PASS_TOKENS
    for run in runs:
        start = 0
        while start < len(run):
            piece = run[start : start + room]
            part.append(piece)
            start += len(piece)
            room -= len(piece)
            if not room:
                yield part
                part, room = [], _PASS_TOKENS
    if part:
        yield part
