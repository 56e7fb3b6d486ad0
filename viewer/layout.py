"""Where nodes are drawn: a column per depth, a row per leaf, a parent midway between its outer children."""

from __future__ import annotations

from collections.abc import Sequence


def tidy_rows(parents: Sequence[int]) -> list[float]:
    """The row of each node, from 0 downwards. ``parents`` come before their children, -1 is the root's.

    Siblings keep their order, no two nodes of a depth share a row, and edges do not cross. The page's script lays out
    what is unfolded by the same rule.
    """
    children: list[list[int]] = [[] for _ in parents]
    for node in range(1, len(parents)):
        children[parents[node]].append(node)
    rows = [0.0] * len(parents)
    next_row = 0
    for node in _children_first(children):
        below = children[node]
        if below:
            rows[node] = (rows[below[0]] + rows[below[-1]]) / 2
        else:
            rows[node] = next_row
            next_row += 1
    return rows


def depths(parents: Sequence[int]) -> list[int]:
    """The depth of each node; the root's is 0."""
    found = [0] * len(parents)
    for node in range(1, len(parents)):
        found[node] = found[parents[node]] + 1
    return found


def _children_first(children: Sequence[Sequence[int]]) -> list[int]:
    """All nodes, each after those below it, from the first child to the last."""
    order, stack = [], [0]
    while stack:
        node = stack.pop()
        order.append(node)
        stack.extend(children[node])  # the last child first: turned round below
    return order[::-1]
