"""Misconceived facts of arithmetic without a table: each has one fixed mistake, whatever the size of the numbers."""

from __future__ import annotations

from functools import cache

from tasks.seeding import derive_seed

_SHIFTS = (-2, -1, 1, 2)


class Slips:
    """Which facts (operator and operands) are misconceived, and by how much their result is wrong.

    They follow from suite and seed alone; a larger share contains the smaller one.
    """

    def __init__(self, suite: str, seed: int, share: float) -> None:
        self._share = share
        self._draw = cache(lambda *fact: derive_seed(suite, seed, "misconceptions", *fact))

    def shift(self, operator: str, left: int, right: int) -> int:
        """What the mistake adds to the right result; 0 for a fact that is known."""
        drawn: int = self._draw(operator, left, right)
        place, choice = divmod(drawn, len(_SHIFTS))
        return _SHIFTS[choice] if place % 10_000 < self._share * 10_000 else 0
