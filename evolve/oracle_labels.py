"""Which steps of a tree are right, by the task's exact oracle. For people to look at, never for training."""

from __future__ import annotations

from mcts.tree import SearchTree
from tasks.problem import StepOracle


def step_labels(tree: SearchTree, oracle: StepOracle) -> dict[int, bool]:
    """Is the step right, by node; empty if the oracle does not know the problem."""
    labels: dict[int, bool] = {}
    try:
        for node in range(1, len(tree)):
            if not tree.child_count[node]:
                path = tree.path(node)
                texts = [tree.step(each).text for each in path]
                labels.update(zip(path, oracle.step_labels(tree.problem, texts), strict=True))
    except ValueError:
        return {}
    return labels
