"""Rows that share prefixes, packed so that every shared prefix is computed once.

What a causal model computes at a token depends on the tokens up to it alone. So rows of token ids are a trie: in
sorted order each row adds only what follows the prefix that it shares with the row before it. What is added, laid
end to end, is the packed row; a token's position is its depth in the trie. A row that goes on where the one before it
ended continues that one's *segment*, so there is one segment per leaf, and its queries see the keys of its whole path.
Rows of different trees need no wall between them: they share what they have in common (a prompt's first tokens, or
nothing) and never see the rest.

Shape legend: R rows, N packed tokens, and for a bucket G segments, Q query slots, K key slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Places = npt.NDArray[np.int64]

# Keys gathered at once, by kind of device. On a CPU so few that they stay in its cache (measured, docs/performance.md),
# elsewhere so many that a bucket is worth the calls that it costs (not measured).
_BUCKET_KEYS = {"cpu": 2048}
_BUCKET_KEYS_ELSEWHERE = 65536


@dataclass(frozen=True, slots=True)
class Bucket:
    """Segments of like size, padded with place 0: the places of their queries and of the keys of their paths.

    ``mask_GQK`` (float32) is 0 where a query may look, at its own depth and above, and minus infinity elsewhere.
    """

    queries_GQ: torch.Tensor
    keys_GK: torch.Tensor
    mask_GQK: torch.Tensor


@dataclass(frozen=True, slots=True)
class PackedRows:
    """What a model reads, and where each row ended up.

    ``ids_N`` and ``depths_N`` (positions) are the packed row, ``ends_R`` the place of each row's last token.
    ``slots_N`` says where a token's answer stands once the buckets' query slots are laid end to end. ``paths`` (on the
    CPU) hold, for each row, the places of all its tokens.
    """

    ids_N: torch.Tensor
    depths_N: torch.Tensor
    ends_R: torch.Tensor
    slots_N: torch.Tensor
    buckets: tuple[Bucket, ...]
    paths: tuple[Places, ...]


@dataclass(slots=True)
class _Segment:
    """``path``: the place of the token at every depth; the tokens from depth ``start`` on are the segment's own."""

    path: Places
    start: int

    @property
    def size(self) -> int:
        return len(self.path) - self.start


def pack(rows: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> PackedRows:
    """Pack rows of at least one token id each; equal rows, and rows that begin others, cost nothing."""
    order, ids, shared = _sorted_rows(rows)
    paths: dict[int, Places] = {}
    segments: list[_Segment] = []
    path, count = np.empty(0, dtype=np.int64), 0
    for index, row, start in zip(order, ids, shared, strict=True):
        goes_on = bool(segments) and start == len(path)
        path = np.concatenate([path[:start], np.arange(count, count := count + len(row) - start)])
        paths[index] = path
        if goes_on:
            segments[-1].path = path
        else:
            segments.append(_Segment(path, start))
    ends_R = np.array([paths[index][-1] for index in range(len(rows))], dtype=np.int64)
    ids_N = np.concatenate([row[start:] for row, start in zip(ids, shared, strict=True)])
    depths_N = np.concatenate([np.arange(start, len(row)) for row, start in zip(ids, shared, strict=True)])
    buckets, slots_N = _buckets(segments, count, device)
    tokens, depths, ends, slots = _on_device(device, ids_N, depths_N, ends_R, slots_N)
    return PackedRows(tokens, depths, ends, slots, buckets, tuple(paths[index] for index in range(len(rows))))


def packed_batches(rows: Sequence[Sequence[int]], batch_tokens: int) -> list[list[int]]:
    """Row indices in batches of at most ``batch_tokens`` packed tokens (or of one row), in the order of the trie."""
    batches: list[list[int]] = []
    tokens = 0
    for index, row, start in zip(*_sorted_rows(rows), strict=True):
        if batches and tokens + len(row) - start <= batch_tokens:
            batches[-1].append(index)
            tokens += len(row) - start
        else:
            batches.append([index])
            tokens = len(row)
    return batches


def packed_size(rows: Sequence[Sequence[int]]) -> int:
    """Tokens that are computed when the rows are packed together: what they share counts once."""
    return sum(len(row) - start for _, row, start in zip(*_sorted_rows(rows), strict=True))


def _sorted_rows(rows: Sequence[Sequence[int]]) -> tuple[list[int], list[Places], list[int]]:
    """Indices in the order of the trie, the rows in that order, and how many tokens each shares with the one before."""
    order = sorted(range(len(rows)), key=lambda index: tuple(rows[index]))
    ids = [np.array(rows[index], dtype=np.int64) for index in order]
    shared = [0] * min(1, len(ids)) + [_shared_length(before, row) for before, row in pairwise(ids)]
    return order, ids, shared


def _shared_length(before: Places, row: Places) -> int:
    size = min(len(before), len(row))
    differs = before[:size] != row[:size]
    first = int(differs.argmax())
    return first if differs[first] else size


def _buckets(segments: Sequence[_Segment], count: int, device: torch.device | str) -> tuple[tuple[Bucket, ...], Places]:
    """The segments in buckets, and ``slots_N``."""
    slots_N, offset, buckets = np.empty(count, dtype=np.int64), 0, []
    for members in _alike(segments, _BUCKET_KEYS.get(torch.device(device).type, _BUCKET_KEYS_ELSEWHERE)):
        queries_GQ = np.zeros((len(members), max(one.size for one in members)), dtype=np.int64)
        keys_GK = np.zeros((len(members), max(len(one.path) for one in members)), dtype=np.int64)
        for queries_Q, keys_K, one in zip(queries_GQ, keys_GK, members, strict=True):
            own = one.path[one.start :]
            queries_Q[: one.size], keys_K[: len(one.path)] = own, one.path
            slots_N[own] = offset + np.arange(one.size)
            offset += len(queries_Q)
        depths_GQ = np.array([one.start for one in members])[:, None] + np.arange(queries_GQ.shape[1])
        sees_GQK = np.arange(keys_GK.shape[1]) <= depths_GQ[:, :, None]
        mask_GQK = np.where(sees_GQK, np.float32(0), np.float32(-np.inf))
        buckets.append(Bucket(*_on_device(device, queries_GQ, keys_GK, mask_GQK)))
    return tuple(buckets), slots_N


def _alike(segments: Sequence[_Segment], most_keys: int) -> list[list[_Segment]]:
    """Segments whose sizes differ by less than a factor of 2, shortest paths first, in portions of ``most_keys``."""
    groups: list[list[_Segment]] = []
    for one in sorted(segments, key=lambda one: (one.size.bit_length(), len(one.path), one.size)):
        last = groups[-1] if groups else []
        if last and last[0].size.bit_length() == one.size.bit_length() and len(one.path) * (len(last) + 1) <= most_keys:
            last.append(one)
        else:
            groups.append([one])
    return groups


def _on_device(device: torch.device | str, *arrays: npt.NDArray[Any]) -> list[torch.Tensor]:
    return [torch.from_numpy(array).to(device) for array in arrays]
