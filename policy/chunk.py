"""Chunks: tokens whose paths' keys and values are gathered at once.

Shape legend: R runs of a chunk, Q tokens of the longest run, T tokens of the longest path, S slots, W width of a
token's keys and values, N tokens of the pass, H heads, D head width.
"""

from __future__ import annotations

import numpy as np
import torch


class Chunk:
    """Runs (a path's last tokens, in most cases one) that attend together.

    ``paths_RT`` are slots, aligned to the right, slot 0 where a path is shorter; ``depths_R`` the paths' lengths;
    ``lengths_R`` those of the runs, whose tokens stand one run after the other among those of the pass, from ``start``.
    """

    def __init__(
        self, paths_RT: np.ndarray, depths_R: np.ndarray, lengths_R: np.ndarray, start: int, device: torch.device
    ) -> None:
        self._paths_RT = paths_RT
        self._depths_R = depths_R
        self._lengths_R = lengths_R
        self._device = device
        self._slots = self._put(paths_RT.ravel())
        self._longest = int(lengths_R.max())
        self._span = slice(start, start + int(lengths_R.sum()))
        self._filled = self._real = None
        if lengths_R.min() < self._longest:
            # What is missing is filled up with any token, whose result is then left out.
            within_Q = np.arange(self._longest)
            is_real_RQ = within_Q < lengths_R[:, None]
            starts_R = np.cumsum(lengths_R) - lengths_R
            self._filled = self._put(np.where(is_real_RQ, starts_R[:, None] + within_Q, 0).ravel())
            self._real = self._put(np.flatnonzero(is_real_RQ))
        self._masks: dict[int | None, torch.Tensor | None] = {}

    @property
    def rows(self) -> int:
        """R."""
        return len(self._paths_RT)

    @property
    def gathered(self) -> int:
        """How many tokens' keys each layer gathers."""
        return len(self._slots)

    def gather(self, pool_SW: torch.Tensor, room: torch.Tensor) -> torch.Tensor:
        """The keys and values of the paths, [R, T, W], in ``room``, memory for at least R * T tokens."""
        found = torch.index_select(pool_SW, 0, self._slots, out=room[: self.gathered])
        return found.view(self.rows, -1, pool_SW.shape[-1])

    def queries(self, query_NHD: torch.Tensor) -> torch.Tensor:
        """Those of the chunk's tokens, [R, Q, H, D], of all of the pass."""
        query = query_NHD[self._span]
        if self._filled is not None:
            query = query.index_select(0, self._filled)
        return query.view(self.rows, self._longest, *query.shape[1:])

    def results(self, found_RQHD: torch.Tensor) -> torch.Tensor:
        """What the chunk's tokens found, in their order."""
        found = found_RQHD.flatten(0, 1)
        return found if self._real is None else found.index_select(0, self._real)

    def mask(self, window: int | None) -> torch.Tensor | None:
        """Which keys of its path a token sees: all up to itself, or the last ``window`` of them; [R, 1, Q, T].

        None where attention needs none, being causal: single tokens that see all keys, whole paths of one length.
        """
        if window not in self._masks:
            self._masks[window] = self._mask(window)
        return self._masks[window]

    def _mask(self, window: int | None) -> torch.Tensor | None:
        width = self._paths_RT.shape[1]
        is_even = self._real is None and self._depths_R.min() == width and (window is None or window >= width)
        if is_even and self._longest in (1, width):
            return None
        key_RT = np.arange(width) - (width - self._depths_R)[:, None]  # positions
        query_RQ = (self._depths_R - self._lengths_R)[:, None] + np.arange(self._longest)
        behind_RQT = query_RQ[:, :, None] - key_RT[:, None, :]
        seen_RQT = (behind_RQT >= 0) & (key_RT >= 0)[:, None, :]
        if window is not None:
            seen_RQT &= behind_RQT < window
        return self._put(seen_RQT)[:, None]

    def _put(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self._device)
