"""An order of the seed's, epoch after epoch: of training problems, or of a pool's groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from tasks.errors import UserError
from tasks.seeding import derive_seed

T = TypeVar("T")


class Stream(Generic[T]):
    """Gives the same items in the same order to every arm of a seed."""

    def __init__(self, items: Sequence[T], seed: int) -> None:
        if not items:
            raise UserError("the task has no training problem; give it more problems")
        self._items, self._seed = items, seed
        self._queue: list[T] = []
        self._epoch = 0

    def state(self) -> dict[str, int]:
        """How many epochs were begun, and how many items of the last are left."""
        return {"epoch": self._epoch, "left": len(self._queue)}

    def restore(self, state: dict[str, int]) -> None:
        """Go on from there."""
        self._epoch, left = state["epoch"], state["left"]
        self._queue = self._shuffled(self._epoch - 1)[-left:] if left else []

    def take(self, count: int) -> list[T]:
        """The next ``count``, or all there are; none twice in one answer, so an epoch may end before its last few."""
        if len(self._queue) < count:
            self._queue = self._shuffled(self._epoch)
            self._epoch += 1
        taken, self._queue = self._queue[:count], self._queue[count:]
        return taken

    def _shuffled(self, epoch: int) -> list[T]:
        rng = np.random.default_rng(derive_seed(self._seed, "problems", epoch))
        return [self._items[index] for index in rng.permutation(len(self._items))]
