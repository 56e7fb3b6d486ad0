"""Two trees of the same problem, from two rounds or two runs, side by side.

Steps are matched by the texts on their paths: the roots match, and below matched nodes children of the same text match,
the first of a text with the first, the second with the second. What hangs below an unmatched step is unmatched.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from mcts.tree import SearchTree
from tasks.errors import UserError


@dataclass(frozen=True, slots=True)
class Match:
    """A node of each tree, and what the second has more: visits, Q, the process model's score.

    ``d_q`` and ``d_score`` are None where one of the two nodes has none (Q: it was never visited).
    """

    first: int
    second: int
    d_visits: int
    d_q: float | None
    d_score: float | None
    has_changed: bool  # in any of the three, a value that came or went included


@dataclass(frozen=True, slots=True)
class TreeDiff:
    """``appeared``: nodes of the second tree alone; ``vanished``: of the first alone; ``matches``: roots first."""

    appeared: tuple[int, ...]
    vanished: tuple[int, ...]
    matches: tuple[Match, ...]

    @property
    def changed(self) -> tuple[Match, ...]:
        """The matched nodes whose visits, Q or score are not the same."""
        return tuple(match for match in self.matches if match.has_changed)


def align(first: SearchTree, second: SearchTree) -> TreeDiff:
    """Match the nodes of two trees. UserError if they are not of the same problem (id and prompt)."""
    one, other = first.problem, second.problem
    if (one.id, one.prompt) != (other.id, other.prompt):
        raise UserError(
            f"only trees of the same problem can be compared, but these are of {one.id!r:.80} and {other.id!r:.80}"
            + (", whose prompts differ" if one.id == other.id else "")
        )
    matched = sorted(_matched(first, second))
    return TreeDiff(
        appeared=_rest(second, {b for _, b in matched}),
        vanished=_rest(first, {a for a, _ in matched}),
        matches=tuple(_match(first, a, second, b) for a, b in matched),
    )


def _matched(first: SearchTree, second: SearchTree) -> Iterator[tuple[int, int]]:
    waiting = [(0, 0)]
    while waiting:
        a, b = waiting.pop()
        yield a, b
        known: dict[str, list[int]] = defaultdict(list)
        for child in reversed(second.children(b)):
            known[second.step(child).text].append(child)
        for child in first.children(a):
            if found := known.get(first.step(child).text):
                waiting.append((child, found.pop()))


def _rest(tree: SearchTree, matched: set[int]) -> tuple[int, ...]:
    return tuple(node for node in range(len(tree)) if node not in matched)


def _match(first: SearchTree, a: int, second: SearchTree, b: int) -> Match:
    q = _q(first, a), _q(second, b)
    score = _score(first, a), _score(second, b)
    d_visits = second.visits[b] - first.visits[a]
    has_changed = d_visits != 0 or q[0] != q[1] or score[0] != score[1]
    return Match(a, b, d_visits, _difference(*q), _difference(*score), has_changed)


def _q(tree: SearchTree, node: int) -> float | None:
    return tree.q(node) if tree.visits[node] else None


def _score(tree: SearchTree, node: int) -> float | None:
    return None if math.isnan(tree.score[node]) else tree.score[node]


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
