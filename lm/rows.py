"""Rows of token ids and how they are put into batches.

Shape legend: B rows of a batch, T tokens (padded).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

IGNORED = -100


@dataclass(frozen=True, slots=True)
class TextRow:
    """A prompt and the target that follows it, as token ids. Only the target is learned.

    ``given``: stretches [start, end) of the target, in order and apart, that the policy did not write (the output of
    its code): they are read and never learned, as if they were a prompt in the middle. Whatever a model says of a row
    token by token it says of the learned ones alone.
    """

    problem_id: str
    prompt_ids: tuple[int, ...]
    target_ids: tuple[int, ...]
    given: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        places = [place for stretch in self.given for place in stretch]
        if places != sorted(set(places)) or any(not 0 <= place <= len(self.target_ids) for place in places):
            raise ValueError(f"problem {self.problem_id}: stretches {self.given} of {len(self.target_ids)} tokens")

    @property
    def ids(self) -> tuple[int, ...]:
        """Every token, in the order in which a model reads them."""
        return self.prompt_ids + self.target_ids

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt_ids) + len(self.target_ids)

    @property
    def learned(self) -> int:
        """Tokens that are learned."""
        return len(self.target_ids) - sum(end - start for start, end in self.given)

    def learned_places(self) -> npt.NDArray[np.int64]:
        """Where in ``ids`` the learned tokens stand, ascending."""
        is_learned = np.ones(len(self.target_ids), dtype=bool)
        for start, end in self.given:
            is_learned[start:end] = False
        return np.flatnonzero(is_learned) + len(self.prompt_ids)


@dataclass(frozen=True, slots=True)
class PaddedBatch:
    """Right-padded ids with their mask, both [B, T]."""

    ids_BT: torch.Tensor
    mask_BT: torch.Tensor

    @property
    def tokens(self) -> int:
        """Tokens computed, padding included."""
        return self.ids_BT.numel()


def pad(rows: Sequence[Sequence[int]], pad_id: int, device: str | torch.device = "cpu") -> PaddedBatch:
    """Right-pad token ids to the longest row. Right, so that a causal model needs no mask to be exact."""
    lengths = np.array([len(row) for row in rows])
    ids = np.full((len(rows), int(lengths.max())), pad_id, dtype=np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
    mask = np.arange(ids.shape[1])[None, :] < lengths[:, None]
    return PaddedBatch(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device))


def shuffled_batches(lengths: Sequence[int], batch_rows: int, seed: int) -> list[list[int]]:
    """One epoch of row indices in batches of ``batch_rows``; the last batch may be smaller.

    Rows are shuffled, then sorted by length within stretches of 16 batches: rows of a batch have nearly equal length,
    so little is computed on padding, while every batch still holds a random mix of problems.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(lengths))
    sizes = np.asarray(lengths)
    stretch = 16 * batch_rows
    batches = []
    for start in range(0, len(order), stretch):
        part = order[start : start + stretch]
        part = part[np.argsort(sizes[part], kind="stable")]
        batches += [part[i : i + batch_rows].tolist() for i in range(0, len(part), batch_rows)]
    rng.shuffle(batches)
    return batches


def in_order_batches(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Row indices sorted by length in batches of at most ``batch_tokens`` padded tokens, for work without gradients."""
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda row: (lengths[row], row)):
        if batches and lengths[index] * (len(batches[-1]) + 1) <= batch_tokens:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
