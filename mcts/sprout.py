"""Sprouts: sampled steps that have no number in the tree yet.

A tree stores all children of a node side by side, made in one go. A continuation of several steps brings children to
nodes that are not expanded yet and will get more of them, so those steps wait as sprouts: a trie below the node whose
expansion comes first. Expanding that node plants the new candidates in its trie, merges what is equal, and places the
trie's first level as its children; what lies below waits below them. A selection never sees the difference, because it
stops at a node that is not expanded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from mcts.config import Backup
from mcts.step import Continuation, Step
from mcts.tree import SearchTree
from tasks.problem import Verdict

Name = tuple[str, bool] | int
Sprouts = dict[Name, "Sprout"]  # siblings, in the order in which they were sampled


class Sprout:
    """A step on its way into the tree, with what is known about it.

    ``count`` candidates go through it. ``end`` is the value of a path that ends here. ``values`` are those backed up
    from the ends at it and below it, discounted. ``entry``: of the tree's history that awaits its number.
    """

    __slots__ = ("above", "below", "count", "depth", "end", "entry", "score", "step", "values", "verdict")

    def __init__(self, step: Step, above: Sprout | None, depth: int) -> None:
        self.step = step
        self.above = above
        self.depth = depth
        self.below: Sprouts = {}
        self.count = 0
        self.score = math.nan
        self.verdict: Verdict | None = None
        self.end: float | None = None
        self.entry: int | None = None
        self.values: list[float] = []

    def path(self) -> tuple[Step, ...]:
        """The steps from below the node to this one."""
        steps: list[Step] = []
        sprout: Sprout | None = self
        while sprout is not None:
            steps.append(sprout.step)
            sprout = sprout.above
        return tuple(reversed(steps))

    def back_up(self, value: float, discount: float) -> float:
        """Give a value to this sprout and all above it; returns what is left of it for the node they hang on."""
        sprout: Sprout | None = self
        while sprout is not None:
            sprout.values.append(value)
            value *= discount
            sprout = sprout.above
        return value


def plant(
    first: Sprouts, continuations: Iterable[Continuation], depth: int, *, merge: bool
) -> tuple[list[Sprout], int]:
    """Add the continuations to a trie whose first level lies at ``depth``.

    Returns the new sprouts, those above before those below, and how many continuations brought none. With ``merge``,
    equal steps after an equal path are one.
    """
    new: list[Sprout] = []
    repeated = 0
    for continuation in continuations:
        siblings, above, known = first, None, len(new)
        for level, step in enumerate(continuation):
            name: Name = (step.text, step.is_final) if merge else len(siblings)
            sprout = siblings.get(name)
            if sprout is None:
                sprout = siblings[name] = Sprout(step, above, depth + level)
                new.append(sprout)
            sprout.count += 1
            siblings, above = sprout.below, sprout
        repeated += len(new) == known
    return new, repeated


def place(tree: SearchTree, node: int, first: Mapping[Name, Sprout], backup: Backup) -> range:
    """Make the first level of a trie the children of ``node``, with scores, verdicts and the values they hold.

    A prior is the share of the candidates that went on with that step. Ancestors are left alone.
    """
    sprouts = first.values()
    total = sum(sprout.count for sprout in sprouts)
    children = tree.add_children(node, [s.step for s in sprouts], [s.count / total for s in sprouts])
    for child, sprout in zip(children, sprouts, strict=True):
        if sprout.score == sprout.score:  # not NaN
            # The score of a final step is its value (inference mode), not a start value.
            tree.set_score(child, sprout.score, pseudo_visit=not sprout.step.is_final)
        if sprout.verdict is not None:
            tree.verdicts[child] = sprout.verdict
        if sprout.end is not None and not sprout.step.is_final:
            tree.dead_ends.add(child)
        if sprout.entry is not None and tree.history is not None:
            tree.history.node[sprout.entry] = child
        if sprout.values:
            _enter(tree, child, sprout.values, backup)
        for below in sprout.below.values():
            below.above = None
    return children


def _enter(tree: SearchTree, node: int, values: list[float], backup: Backup) -> None:
    """What ``SearchTree.back_up_mean`` or ``back_up_max`` would have made of the values at this node."""
    visits = tree.visits[node] + len(values)
    tree.value_sum[node] = max(values) * visits if backup is Backup.MAX else tree.value_sum[node] + sum(values)
    tree.visits[node] = visits
