"""Which process models the bench trains, and how many problems a method may label for its money."""

from __future__ import annotations

from dataclasses import dataclass

from evolve.workbench.config import DEGREES, OUTCOME_LOSSES, BenchConfig, BenchLabels
from prm.losses.config import LossName

_TWO_CLASSES = (LossName.CROSS_ENTROPY, LossName.Q_RANKING)


@dataclass(frozen=True, slots=True)
class Cell:
    """One process model: the labels that it learns, the loss, and the seed of its training."""

    labels: BenchLabels
    loss: LossName
    seed: int

    @property
    def name(self) -> str:
        """Of its folder and its stages."""
        return f"{self.labels}-{self.loss}-{self.seed}"

    @property
    def is_cut(self) -> bool:
        """Are its labels cut in two, because the loss takes two classes?"""
        return self.labels in DEGREES and self.loss in _TWO_CLASSES

    @property
    def searches(self) -> bool:
        """Can it guide a search? A log-ratio of two policies has no head that a search could read."""
        return self.loss is not LossName.IMPLICIT


def grid(config: BenchConfig) -> list[Cell]:
    """All cells that fit: labels of steps with the losses that read them, verdicts with those that read verdicts."""
    return [
        Cell(labels, loss, seed)
        for labels in config.labels
        for loss in config.losses
        if (labels is BenchLabels.OUTCOME) is (loss in OUTCOME_LOSSES)
        for seed in range(config.seeds)
    ]


def affordable(budget: int, spent: int, problems: int, most: int) -> int:
    """How many problems ``budget`` tokens pay for, if ``problems`` of them cost ``spent``; 1 to ``most``.

    A method that costs nothing labels all.
    """
    return max(1, min(most, budget * problems // spent)) if spent else most
