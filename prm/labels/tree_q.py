"""Tree Q: a step's label is the Q of its node, as the search left it (rStar-Math, arXiv 2501.04519, section 3.3).

Q is the mean of the values backed up through the node and lies in [-1, 1] already. Below a node that was visited often
it is a Monte-Carlo value; but the search goes where Q is high, so it is no mean of independent continuations. Nothing
is computed: the trees are paid for.
"""

from __future__ import annotations

from collections.abc import Sequence

from prm.labels.base import Costs, Unlabelled, labelled
from tasks.readers.labelled import LabelledSolution


class TreeQ:
    """Labels by the tree of each solution; a step that was never visited has none. ValueError without a tree."""

    def __init__(self) -> None:
        self.costs = Costs()

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]:
        """Never leaves one out."""
        return [_labelled(one) for one in solutions]


def _labelled(one: Unlabelled) -> LabelledSolution:
    tree = one.tree
    if tree is None:
        raise ValueError(f"problem {one.problem.id}: tree Q needs the tree that the solution was taken from")
    labels = [tree.q(node) if tree.visits[node] else None for node in one.trajectory.nodes]
    return labelled(one, labels, "tree_q", visits=[tree.visits[node] for node in one.trajectory.nodes])
