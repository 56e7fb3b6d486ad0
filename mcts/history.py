"""In which order a search learned its values: what a tree needs to be shown as it stood after any rollout.

An entry is one value that was backed up from the end of a path (or from where a rollout stopped) to the root. Children
are made side by side and in order, so the number of nodes at that moment says which of them were there; with the
entries so far that gives every N and Q of that moment. A rollout has as many entries as it learned values.

A path that was sampled as a whole may end below what the tree holds by then: its entry names the node that its end
became later.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcts.config import Backup

if TYPE_CHECKING:
    from mcts.tree import SearchTree


@dataclass(slots=True)
class History:
    """Columns with an entry per backed-up value, 20 bytes each, and how values went up.

    ``rollout``: the number of the rollout, from 1, in the order in which they ended. ``node``: where the value came
    from. ``value``: there, before any discount. ``size``: nodes in the tree then, with those that the rollout made.
    """

    backup: Backup
    discount: float
    rollout: array[int] = field(default_factory=lambda: array("i"))
    node: array[int] = field(default_factory=lambda: array("i"))
    value: array[float] = field(default_factory=lambda: array("d"))
    size: array[int] = field(default_factory=lambda: array("i"))

    def __len__(self) -> int:
        return len(self.node)

    def add(self, rollout: int, node: int, value: float, size: int) -> None:
        """Append an entry."""
        self.rollout.append(rollout)
        self.node.append(node)
        self.value.append(value)
        self.size.append(size)


def statistics_at(tree: SearchTree, entries: int) -> tuple[list[int], list[float]]:
    """``visits`` and ``value_sum`` of every node after the first entries of the tree's history.

    A score that counts as a pseudo-visit is there as soon as its node is. Nodes that were made later have 0. Raises
    ValueError for a tree without a history.
    """
    history = tree.history
    if history is None:
        raise ValueError("the tree has no history")
    size = history.size[entries - 1] if entries else 1
    visits, value_sum = [0] * len(tree), [0.0] * len(tree)
    for node in range(size):
        if not math.isnan(tree.score[node]) and not tree.step(node).is_final:
            visits[node], value_sum[node] = 1, tree.score[node]
    scored = visits.copy()
    for entry in range(entries):
        node, value = history.node[entry], history.value[entry]
        while node >= 0:
            if node < size:
                values = visits[node] - scored[node]
                best = value if not values else max(value, value_sum[node] / visits[node])
                visits[node] += 1
                value_sum[node] = best * visits[node] if history.backup is Backup.MAX else value_sum[node] + value
            value *= history.discount
            node = tree.parent[node]
    return visits, value_sum
