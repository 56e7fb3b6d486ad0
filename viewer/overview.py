"""A tree in one line: what a list of thousands of trees shows of each."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mcts.tree import SearchTree
from tasks.problem import Outcome
from viewer.layout import depths, tidy_rows

MOST_IN_PICTURE = 40
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_LONGEST = 160


def tree_line(tree: SearchTree) -> dict[str, Any]:
    """What the list shows of a tree.

    ``best`` is the mark of the best path's end (see ``end_mark``); ``picture`` a small drawing (see ``picture``).
    ``right`` and ``wrong`` count the ends that are.
    """
    outcomes = Counter(verdict.outcome for verdict in tree.verdicts.values())
    return {
        "id": tree.problem.id,
        "prompt": tree.problem.prompt[:_LONGEST],
        "solved": tree.solved,
        "nodes": len(tree),
        "visits": tree.visits[0],
        "q": round(tree.q(0), 4),
        "right": outcomes[Outcome.CORRECT],
        "wrong": outcomes[Outcome.WRONG],
        "best": end_mark(tree, [0, *tree.best_path()][-1]),
        "picture": picture(tree),
    }


def end_mark(tree: SearchTree, node: int) -> str:
    """A letter: the outcome's first (c, w, u, e), f for an end that nobody judged, d for a dead end, a dot for none."""
    if node in tree.verdicts:
        return str(tree.verdicts[node].outcome)[0]
    return "d" if node in tree.dead_ends else "f" if tree.is_terminal(node) else "."


def picture(tree: SearchTree) -> str:
    """The most visited nodes, each as four digits of base 64: depth, row, Q from 0 (-1) to 62 (1), and its parent's
    place in the picture. The rows are those of the tree that the picture shows.
    """
    parent, visits = tree.parent, tree.visits
    rank = list(visits)  # no node before its parent, of whose visits a score may be no part
    for node in range(1, len(tree)):
        rank[node] = min(rank[node], rank[parent[node]])
    chosen = sorted(range(len(tree)), key=lambda node: (-rank[node], node))[:MOST_IN_PICTURE]
    place = {node: at for at, node in enumerate(sorted(chosen))}
    parents = [-1 if node == 0 else place[parent[node]] for node in place]
    rows, columns = tidy_rows(parents), depths(parents)
    digits = []
    for at, node in enumerate(place):
        shade = round(31 * (1 + max(-1.0, min(1.0, tree.q(node)))))
        digits += [min(columns[at], 63), round(rows[at]), shade, max(parents[at], 0)]
    return "".join(_DIGITS[digit] for digit in digits)
