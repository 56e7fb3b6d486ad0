"""Labels of the steps of a round's solutions, read off its trees, for a process model that learns from labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from evolve.config import PpmConfig
from evolve.label_config import LabelMethod
from evolve.label_solutions import chosen
from mcts.tree import SearchTree
from prm.labels.base import Labeller, Unlabelled
from prm.labels.tree_q import TreeQ
from prm.labels.weighted_value import WeightedValue
from tasks.problem import Outcome
from tasks.readers.labelled import LabelledSolution


def label_trees(by_problem: Mapping[str, Sequence[SearchTree]], ppm: PpmConfig, seed: int) -> list[LabelledSolution]:
    """Up to ``ppm.per_problem`` solutions of each problem, labelled by ``ppm.labels``."""
    labeller: Labeller = WeightedValue() if ppm.labels is LabelMethod.WEIGHTED_VALUE else TreeQ()
    solutions = [one for trees in by_problem.values() for one in chosen([*_ended(trees)], ppm.per_problem, seed)]
    return [one for one in labeller.label(solutions) if one is not None]


def _ended(trees: Sequence[SearchTree]) -> Iterable[Unlabelled]:
    """Every solution that the verifier could judge."""
    for number, tree in enumerate(trees, start=1):
        for trajectory in tree.trajectories():
            if trajectory.verdict is not None and trajectory.verdict.outcome is not Outcome.ERROR:
                yield Unlabelled(tree.problem, trajectory, f"tree{number}", tree)
