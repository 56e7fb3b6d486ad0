"""What only watches: the truth beside every learned reward, and how well the credit finds the wrong steps.

Nothing of it reaches training, and nobody is charged for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from compare.arms.course import Course
from compare.config import Scores
from compare.fidelity import fidelity, mean_fidelity, step_credit
from compare.hacking import Watched, measure
from mcts.trajectory import Trajectory
from policy.credit.base import Array
from policy.credit.config import CreditName
from policy.rl import Group, step_ends

_LEARNED = (Scores.PPM,)  # scores that a trained model gives


class Audit:
    """Looks at every update of one arm."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._fidelity: list[dict[str, float]] = []

    def look(
        self,
        groups: Sequence[Group],
        scores: Sequence[list[tuple[float, ...]] | None],
        advantages: Sequence[list[Array]],
        kl: float | None,
    ) -> dict[str, float]:
        """The metrics of an update."""
        with self._course.phase("audit"):
            labels = [[self._labels(group, one) for one in group.trajectories] for group in groups]
            watched = [
                Watched(group.problem.prompt, one, self._learned(own[index] if own else ()), marks[index])
                for group, own, marks in zip(groups, scores, labels, strict=True)
                for index, one in enumerate(group.trajectories)
            ]
            found = measure(watched, self._course.config.policy.steps.delimiter, kl)
            return found | self._credit(groups, advantages, labels)

    def finish(self) -> None:
        """Leave the mean of all updates in the course's result."""
        self._course.extra["fidelity"] = mean_fidelity(self._fidelity)

    def _labels(self, group: Group, one: Trajectory) -> tuple[bool, ...]:
        oracle = self._course.task.oracle
        return tuple(oracle.step_labels(group.problem, [step.text for step in one.steps])) if oracle else ()

    def _learned(self, scores: tuple[float, ...]) -> float | None:
        """What the learned reward thinks of a trajectory, from 0 to 1: its mean step, or its worst for ``min_form``."""
        if not scores or self._course.arm.scores not in _LEARNED:
            return None
        worst = self._course.arm.credit.name is CreditName.MIN_FORM
        return (1 + (min(scores) if worst else sum(scores) / len(scores))) / 2

    def _credit(
        self, groups: Sequence[Group], advantages: Sequence[list[Array]], labels: Sequence[list[tuple[bool, ...]]]
    ) -> dict[str, float]:
        if self._course.task.oracle is None:
            return {}
        parts = [
            fidelity(
                [step_credit(each, step_ends(one)) for each, one in zip(own, group.trajectories, strict=True)], marks
            )
            for group, own, marks in zip(groups, advantages, labels, strict=True)
        ]
        self._fidelity.append(mean_fidelity(parts))
        return {f"credit/{name}": value for name, value in self._fidelity[-1].items()}
