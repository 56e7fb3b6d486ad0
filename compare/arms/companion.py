"""Models of single tokens that learn beside the policy, update by update, on the arm's account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, Protocol

from transformers import PreTrainedModel

from compare.arms.course import Course
from compare.ledger import Role
from lm.config import OptimiserConfig
from lm.distributed import spread
from lm.packing import packed_size
from lm.rows import TextRow
from lm.train import LossSum, Stepper, TrainingRow, plan_batches, rate_at
from policy.credit.base import Member
from policy.rl import Group, text_rows
from prm.model import score_rows
from tasks.errors import UserError

TokenScores = list[list[tuple[float, ...]]]
"""By group and trajectory: one value per token."""


class Companion(Protocol):
    """What a credit asks about tokens, and what learns from how it turned out."""

    def advise(self, groups: Sequence[Group]) -> TokenScores:
        """What the model as it is now says of the groups' tokens."""
        ...

    def learn(self, groups: Sequence[Group], members: Sequence[Sequence[Member]], seed: int) -> dict[str, float]:
        """Learn from groups that it has advised on; ``members`` hold their rewards and its advice. Metrics."""
        ...


class Lesson(TrainingRow, Protocol):
    """What a model learns from at a time: trajectories or pairs of one problem."""

    @property
    def tokens(self) -> int: ...


def row_scores(model: PreTrainedModel, rows: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], float]:
    """``prm.model.score_rows``, each rank scoring some of the rows."""
    distinct = list(dict.fromkeys(rows))

    def scores(some: Sequence[tuple[int, ...]]) -> list[float]:
        found = score_rows(model, some)
        return [found[row] for row in some]

    return dict(zip(distinct, spread(distinct, scores), strict=True))


class Trainee:
    """A model and its optimiser. What it reads and is trained on is charged to ``role``."""

    def __init__(self, course: Course, role: Role, model: PreTrainedModel, optimiser: OptimiserConfig) -> None:
        self._course, self._role, self._optimiser = course, role, optimiser
        self._stepper = Stepper(model, optimiser, f"arm {course.work.name}, {role}")
        course.checkpoint.add_tensors(role, self._stepper)
        course.ledger.parameters[role] = sum(parameter.numel() for parameter in model.parameters())

    def rows(self, group: Group) -> list[TextRow]:
        """The group's trajectories as the models read them."""
        return text_rows(group, self._course.policy.encode)

    def read(self, groups: Sequence[Group], read: Callable[[list[TextRow]], list[list[float]]]) -> TokenScores:
        """What ``read`` says of the rows of all groups. UserError if it is not finite."""
        rows = [self.rows(group) for group in groups]
        with self._course.phase("scoring"):
            found = spread([row for own in rows for row in own], lambda some: read(list(some)))
        if not all(isfinite(value) for values in found for value in values):
            raise UserError(f"arm {self._course.work.name}: the {self._role} has diverged; lower its learning rate")
        ids = [[row.ids for row in own] for own in rows]
        self._course.ledger.add("scoring", self._role, scored=sum(map(packed_size, ids)))
        answers = iter(found)
        return [[tuple(next(answers)) for _ in own] for own in rows]

    def learn(self, lessons: Sequence[Lesson], loss: Callable[..., LossSum[Any]], seed: int) -> dict[str, float]:
        """Passes over the lessons. The schedule of the rate spans the arm's whole budget."""
        phase, records = f"{self._role}_training", []
        for batch in plan_batches([each.length for each in lessons], self._optimiser, seed):
            part = [lessons[index] for index in batch]
            with self._course.phase(phase):
                rate = rate_at(self._course.used, self._optimiser)
                records.append(self._stepper.step(part, loss, rate))
            self._course.ledger.add(phase, self._role, trained=sum(each.tokens for each in part))
        return {
            f"{self._role}/loss": sum(record.loss for record in records) / len(records),
            f"{self._role}/grad_norm": max(record.gradient_norm for record in records),
        }
