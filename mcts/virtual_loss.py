"""Virtual loss: what keeps rollouts of one tree apart that are under way at the same time.

Chaslot, Winands and van den Herik 2008, *Parallel Monte-Carlo Tree Search* (tree parallelization): each node on the
path of an unfinished rollout counts as visited once more, with a loss (-1), until the rollout's value is there.

The loss is laid over a node's statistics while the rule looks at them and is taken off again at once, bit by bit as
they were. So no tree ever holds one, and neither rounding nor a maximum can keep a trace of it.
"""

from __future__ import annotations

from mcts.rules import RuleFunction
from mcts.tree import SearchTree


class VirtualLoss:
    """How many unfinished rollouts go through each node of a tree, and a selection that sees them."""

    def __init__(self, tree: SearchTree, rule: RuleFunction, c: float, first_play: float | None) -> None:
        self.walks: dict[int, int] = {}  # by node, where there are any
        self._tree = tree
        self._rule = rule
        self._c = c
        self._first_play = first_play

    def hold(self, node: int) -> None:
        """A rollout has come from the root to ``node``."""
        walks, parent = self.walks, self._tree.parent
        while node >= 0:
            walks[node] = walks.get(node, 0) + 1
            node = parent[node]

    def extend(self, child: int) -> None:
        """A rollout that holds the parent of ``child`` goes on to it."""
        self.walks[child] = self.walks.get(child, 0) + 1

    def release(self, node: int) -> None:
        """A rollout that had come to ``node`` is over."""
        walks, parent = self.walks, self._tree.parent
        while node >= 0:
            left = walks[node] - 1
            if left:
                walks[node] = left
            else:
                del walks[node]
            node = parent[node]

    def walk(self) -> int:
        """The node without children that the rule leads to from the root."""
        tree, walks, rule, c, first_play = self._tree, self.walks, self._rule, self._c, self._first_play
        node = 0
        while tree.child_count[node]:
            node = self._choose(node) if node in walks else rule(tree, node, c, first_play)
        return node

    def _choose(self, parent: int) -> int:
        tree, walks = self._tree, self.walks
        visits, value_sum = tree.visits, tree.value_sum
        held = [(node, visits[node], value_sum[node]) for node in (parent, *tree.children(parent)) if node in walks]
        for node, count, total in held:
            visits[node] = count + walks[node]
            value_sum[node] = total - walks[node]
        child = self._rule(tree, parent, self._c, self._first_play)
        for node, count, total in held:
            visits[node] = count
            value_sum[node] = total
        return child
