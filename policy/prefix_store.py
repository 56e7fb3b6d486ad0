"""Which prefixes are in memory: a trie of token ids over a fixed number of slots, the coldest dropped for new ones.

A node stands for the prefix that ends with its token and has the number of a slot; whoever computes keeps what belongs
to a node under that number (policy/kv_cache.py). Slot 0 is the root, the empty prefix.
Shape legend: N nodes, T tokens of the longest path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

ROOT = 0
_DROPPED_AT_ONCE = 8  # of the nodes, at least one in so many: looking for cold ones costs a pass over all
_MARKS = 1 << 22


class PrefixStore:
    """At most ``capacity`` nodes. The same calls in the same order drop the same nodes.

    A node's parent stays as long as the node does, so a path is never broken in the middle.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"a prefix store needs at least 1 slot, got {capacity}")
        self.capacity = capacity
        self.parent = np.zeros(capacity + 1, dtype=np.int64)
        self.token = np.zeros(capacity + 1, dtype=np.int64)
        self.depth = np.zeros(capacity + 1, dtype=np.int64)  # tokens from the root; 0: the root, or a free slot
        self._children: dict[tuple[int, int], int] = {}
        self._used = np.zeros(capacity + 1, dtype=np.int64)  # the clock when the node was last used itself
        self._clock = 0
        self._names = [0]  # of the prefix that ends in the slot, alike for the same tokens whatever their slots
        self._free: list[int] = []
        self._dropped = np.zeros(_MARKS, dtype=bool)  # by name; two prefixes may share a mark

    def __len__(self) -> int:
        return len(self._children)

    @property
    def room(self) -> int:
        """Slots that are free."""
        return self.capacity - len(self)

    def walk(self, tokens: Sequence[int]) -> list[int]:
        """The nodes of the longest prefix of ``tokens`` that is in memory."""
        children, node, path = self._children, ROOT, []
        for token in tokens:
            found = children.get((node, token))
            if found is None:
                break
            path.append(found)
            node = found
        return path

    def add_run(self, parent: int, tokens: Sequence[int]) -> list[int]:
        """New nodes below ``parent``, each below the one before. ``make_room`` comes first."""
        above = [parent]
        for token in tokens:
            assert (above[-1], token) not in self._children, "the node is in memory already"
            above.append(self._open(above[-1], token))
        run = above[1:]
        self._record(run, above[:-1], tokens, self.depth[parent] + np.arange(1, len(run) + 1))
        return run

    def advance(self, nodes: Sequence[int], tokens: Sequence[int]) -> tuple[list[int], list[int]]:
        """The child of each node by its token, and those children that are new. ``make_room`` comes first."""
        found, parents, drawn, new = [], [], [], []
        for node, token in zip(nodes, tokens, strict=True):
            child = self._children.get((node, token))
            if child is None:
                child = self._open(node, token)
                parents.append(node)
                drawn.append(token)
                new.append(child)
            found.append(child)
        self._record(new, parents, drawn, self.depth[parents] + 1)
        return found, new

    def _open(self, parent: int, token: int) -> int:
        """A free slot for a new node."""
        name = hash((self._names[parent], token))
        if self._free:
            node = self._free.pop()
            self._names[node] = name
        else:
            node = len(self._names)
            assert node <= self.capacity, "no free slot"
            self._names.append(name)
        self._children[parent, token] = node
        return node

    def _record(self, nodes: Sequence[int], parents: Sequence[int], tokens: Sequence[int], depths: np.ndarray) -> None:
        """All of the new nodes at once, because NumPy is slow one by one."""
        self.parent[nodes] = parents
        self.token[nodes] = tokens
        self.depth[nodes] = depths
        self._used[nodes] = self._clock

    def touch(self, node: int) -> None:
        """The path to ``node`` was used now."""
        self._clock += 1
        self._used[node] = self._clock

    def was_dropped(self, node: int) -> bool:
        """Was this very prefix in memory before and dropped? Now and then True for one that was not, never missed."""
        return bool(self._dropped[self._names[node] % _MARKS])

    def paths(self, nodes_N: np.ndarray) -> np.ndarray:
        """Each node's path from the root, [N, T], aligned to the right; what is missing on the left is the root."""
        length = int(self.depth[nodes_N].max())
        paths_NT = np.empty((len(nodes_N), length), dtype=np.int64)
        at = nodes_N
        for column in range(length - 1, -1, -1):
            paths_NT[:, column] = at
            at = self.parent[at]  # the root is its own parent
        return paths_NT

    def make_room(self, count: int, keep: Iterable[int]) -> None:
        """Drop the least recently used nodes until ``count`` slots are free; never the paths to the nodes ``keep``.

        A path counts as used when any node at or below its end was. Raises ValueError if too little can be dropped.
        """
        if count <= self.room:
            return
        self._clock += 1
        self._used[list(keep)] = self._clock
        nodes = self._by_last_use()
        cold = nodes[: int(np.searchsorted(self._used[nodes], self._clock))]
        if len(cold) < count - self.room:
            raise ValueError(
                f"{count} slots are needed, and only {self.room + len(cold)} of {self.capacity} can be had"
            )
        for node in cold[: max(count - self.room, len(self) // _DROPPED_AT_ONCE)].tolist():
            del self._children[int(self.parent[node]), int(self.token[node])]
            self._dropped[self._names[node] % _MARKS] = True
            self.depth[node] = 0
            self._free.append(node)

    def _by_last_use(self) -> np.ndarray:
        """All nodes, the longest unused first and children before their parents."""
        nodes = np.flatnonzero(self.depth)
        nodes = nodes[np.argsort(-self.depth[nodes], kind="stable")]
        levels = np.flatnonzero(np.diff(self.depth[nodes])) + 1
        for level in np.split(nodes, levels):  # the deepest first: what was used below was used above
            np.maximum.at(self._used, self.parent[level], self._used[level])
        return nodes[np.argsort(self._used[nodes], kind="stable")]
