"""The trajectories of one problem as one row of a training, so that what they share stays in one micro-batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from lm.packing import packed_size
from lm.rows import TextRow


class HasRow(Protocol):
    """A trajectory with whatever a loss wants to know of it."""

    @property
    def row(self) -> TextRow: ...


T = TypeVar("T", bound=HasRow)


@dataclass(frozen=True, slots=True)
class RowGroup(Generic[T]):
    """What ``lm.train`` counts as one row."""

    problem_id: str
    rows: tuple[T, ...]

    @property
    def length(self) -> int:
        """Tokens of the longest trajectory, prompt included."""
        return max(each.row.length for each in self.rows)

    @property
    def tokens(self) -> int:
        """Tokens that are computed for the group: what its trajectories share once."""
        return packed_size([each.row.ids for each in self.rows])
