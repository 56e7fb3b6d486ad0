"""Chunks: tokens whose paths' keys and values are gathered at once.

Shape legend: R runs of a chunk, Q tokens of the longest run, T tokens of the longest path, S slots, W width of a
token's keys and values.
"""

from __future__ import annotations

import numpy as np
import torch


class Chunk:
    """Runs (a path's last tokens, in most cases one) that attend together.

    ``paths_RT`` are slots, aligned to the right, slot 0 where a path is shorter; ``depths_R`` the paths' lengths;
    ``tokens_RQ`` says where a run's tokens stand among those of the pass, -1 where there is none.
    """

    def __init__(
        self,
        paths_RT: np.ndarray,
        depths_R: np.ndarray,
        tokens_RQ: np.ndarray,
        device: torch.device,
    ) -> None:
        self._paths_RT = paths_RT
        self._depths_R = depths_R
        self._device = device
        self._slots = self._put(paths_RT.ravel())
        is_real_RQ = tokens_RQ >= 0
        self._lengths_R = np.maximum(is_real_RQ.sum(1), 1)
        # What is missing is filled up with any token, whose result is then left out.
        self.tokens = self._put(np.maximum(tokens_RQ, 0).ravel())
        self.real = None if is_real_RQ.all() else self._put(np.flatnonzero(is_real_RQ))
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

    def mask(self, window: int | None) -> torch.Tensor | None:
        """Which keys of its path a token sees: all up to itself, or the last ``window`` of them; [R, 1, Q, T].

        None where attention needs none, being causal: single tokens that see all keys, whole paths of one length.
        """
        if window not in self._masks:
            width = self._paths_RT.shape[1]
            key_RT = np.arange(width) - (width - self._depths_R)[:, None]  # positions
            query_RQ = (self._depths_R - self._lengths_R)[:, None] + np.arange(len(self.tokens) // self.rows)
            behind_RQT = query_RQ[:, :, None] - key_RT[:, None, :]
            seen_RQT = (behind_RQT >= 0) & (key_RT >= 0)[:, None, :]
            if window is not None:
                seen_RQT &= behind_RQT < window
            tokens, keys = seen_RQT.shape[1:]
            usual_QT = np.tri(tokens, keys, 0 if tokens == keys else keys, dtype=bool)
            is_usual = tokens in (1, keys) and bool((seen_RQT == usual_QT).all())
            self._masks[window] = None if is_usual else self._put(seen_RQT)[:, None]
        return self._masks[window]

    def _put(self, numbers: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(numbers).to(self._device)
