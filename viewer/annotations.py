"""What is known about a tree beside the tree: floors above the viewer fill it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mcts.step import Step

TokenLengths = Callable[[Step], Sequence[int] | None]
"""How much of a step's text each of its tokens stands for, in UTF-16 units; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class PairNote:
    """A candidate for a preference pair: two nodes, and the rule that left it out ("" if it was kept).

    ``prefix`` is the node that both continue; 0, the root, where they are whole solutions. Where no two nodes came
    together, ``chosen``, ``rejected`` and ``margin`` are None and ``child`` may name the node that was left out.
    """

    kind: str
    prefix: int
    chosen: int | None
    rejected: int | None
    margin: float | None
    reason: str
    child: int | None = None


def no_lengths(step: Step) -> None:
    """Nothing is known about tokens."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """All that may be told of one tree; each part may be missing.

    ``step_labels``: by node, is the step right, says the task's exact oracle. ``scores``: by judge's name and node, a
    score in [-1, 1], or the difference of two.
    """

    pairs: Sequence[PairNote] = ()
    step_labels: Mapping[int, bool] = field(default_factory=dict)
    scores: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    token_lengths: TokenLengths = no_lengths
