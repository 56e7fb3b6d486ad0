"""Weighted value: how far along the way to a right end a step leads (ReST-MCTS*, arXiv 2406.03816, section 3.1).

    V_k = max(0, V_{k-1} + (1 - V_{k-1}) * r_k / m_k),  V_0 = 0

``r_k`` is 1 if a right end lies below the step in the tree, else -1. ``m_k`` counts the steps from before step k to the
nearest right end below, so the last step of a right solution brings V to 1, and each step of the shortest way to it an
equal share. (The paper counts the steps from behind step k and divides by that number plus 1: the same.) The paper
leaves open what m is where no right end lies below: here it is that of the node before, i.e. what a right step there
would have been divided by, and behind a wrong step the same m stays.

V lies in [0, 1]; the label is 2V - 1. It grows from step to step, so its sign says nothing of right and wrong: a wrong
step is one at which it falls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mcts.tree import SearchTree
from prm.labels.base import Costs, Unlabelled, labelled
from tasks.problem import Outcome
from tasks.readers.labelled import LabelledSolution


class WeightedValue:
    """Labels by the tree of each solution. ValueError without a tree."""

    def __init__(self) -> None:
        self.costs = Costs()

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]:
        """Never leaves one out."""
        found: list[LabelledSolution | None] = []
        for one in solutions:
            if one.tree is None:
                raise ValueError(f"problem {one.problem.id}: weighted values need the tree that the solution is from")
            values = weighted_values(one.trajectory.nodes, one.tree.parent, steps_to_right_end(one.tree))
            found.append(labelled(one, [2 * value - 1 for value in values], "weighted_value"))
        return found


def steps_to_right_end(tree: SearchTree) -> list[float]:
    """Steps from behind each node to the nearest right end below it; infinite where there is none."""
    distance = [math.inf] * len(tree)
    for node in range(len(tree) - 1, -1, -1):  # children have higher numbers than their parents
        verdict = tree.verdicts.get(node)
        if verdict is not None and verdict.outcome is Outcome.CORRECT:
            distance[node] = 0
        if node:
            parent = tree.parent[node]
            distance[parent] = min(distance[parent], distance[node] + 1)
    return distance


def weighted_values(nodes: Sequence[int], parent: Sequence[int], distance: Sequence[float]) -> list[float]:
    """V of each node of a path, in [0, 1]; ``distance`` as ``steps_to_right_end`` gives it."""
    value, left, values = 0.0, math.inf, []
    for node in nodes:
        is_right = distance[node] < math.inf
        if is_right:
            left = distance[node] + 1
        elif distance[parent[node]] < math.inf:
            left = distance[parent[node]]
        value = max(0.0, value + (1 - value) * (1 if is_right else -1) / left)
        values.append(value)
    return values
