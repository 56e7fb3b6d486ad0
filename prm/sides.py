"""The two sides of possible preference pairs: what of a tree may be preferred, and to what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcts.trajectory import Trajectory
from mcts.tree import SearchTree
from tasks.problem import Outcome


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a possible pair. ``best`` and ``worst``: mean Q of its continuations, itself included."""

    node: int
    q: float
    best: float
    worst: float
    text: str
    token_ids: tuple[int, ...]
    is_correct: bool  # a correct leaf lies below, or it is one
    is_wrong: bool  # a wrong leaf lies below, or it is one


def children(tree: SearchTree, trajectories: Sequence[Trajectory]) -> dict[int, list[Side]]:
    """By expanded node, in order, its children that have a verified leaf below them (or are one).

    ``trajectories`` are those of the tree that were verified.
    """
    leaves: dict[int, list[tuple[float, Outcome]]] = {}
    for trajectory in trajectories:
        assert trajectory.verdict is not None
        total = 0.0
        for length, index in enumerate(range(len(trajectory.nodes) - 1, -1, -1), start=1):
            total += trajectory.qs[index]
            leaves.setdefault(trajectory.nodes[index], []).append((total / length, trajectory.verdict.outcome))
    found: dict[int, list[Side]] = {}
    for node in sorted(leaves):
        means = [mean for mean, _ in leaves[node]]
        outcomes = {outcome for _, outcome in leaves[node]}
        step = tree.step(node)
        side = Side(
            node, tree.q(node), max(means), min(means), step.text, step.token_ids,
            is_correct=Outcome.CORRECT in outcomes, is_wrong=Outcome.WRONG in outcomes,
        )  # fmt: skip
        found.setdefault(tree.parent[node], []).append(side)
    return found


def solution(trajectory: Trajectory) -> Side:
    """A whole verified solution as one side of a ``final_step`` pair."""
    assert trajectory.verdict is not None
    mean, outcome = trajectory.mean_q, trajectory.verdict.outcome
    return Side(
        trajectory.nodes[-1], mean, mean, mean, trajectory.text, trajectory.token_ids,
        is_correct=outcome is Outcome.CORRECT, is_wrong=outcome is Outcome.WRONG,
    )  # fmt: skip


def best_against_worst(sides: Sequence[Side], per_side: int) -> tuple[list[Side], list[Side]]:
    """Up to ``per_side`` of the best correct and of the worst wrong, best and worst first; nobody is on both sides."""
    correct = sorted((each for each in sides if each.is_correct), key=lambda each: (-each.q, each.node))
    wrong = sorted((each for each in sides if each.is_wrong), key=lambda each: (each.q, each.node))
    chosen: list[Side] = []
    rejected: list[Side] = []
    for _ in range(per_side):
        for mine, other, supply in ((chosen, rejected, correct), (rejected, chosen, wrong)):
            mine += [each for each in supply if each not in mine and each not in other][:1]
    return chosen, rejected
