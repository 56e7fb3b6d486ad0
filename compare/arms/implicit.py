"""PRIME's implicit process model beside the policy: it learns outcomes, and its log-ratios reward tokens.

An update is credited with the model as it was before it learned from that update (the paper's single forward).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from compare.arms.companion import TokenScores, Trainee
from compare.arms.course import Course
from compare.ledger import Role
from lm.folder import load_policy
from lm.rows import TextRow
from policy.credit.base import Member
from policy.rl import Group
from prm.implicit import ImplicitLoss, JudgedRow, logprobs
from prm.row_group import RowGroup


class ImplicitPrm:
    """The log-ratio rewards of a second policy (``prm.implicit``). Its reference is charged with it."""

    def __init__(self, course: Course) -> None:
        self._model, self._reference = (load_policy(course.work.start, course.policy.device) for _ in range(2))
        self._beta = course.config.implicit.beta
        self._loss = ImplicitLoss(self._beta)
        self._trainee = Trainee(course, Role.PPM, self._model, course.config.implicit.optimiser)
        self._known: dict[TextRow, tuple[float, ...]] = {}  # the reference's log-probs, until they are learned from

    def advise(self, groups: Sequence[Group]) -> TokenScores:
        """Token rewards, beta in them; their sum is the log-odds that a solution is correct, as the model has it."""
        own, reference = (
            self._trainee.read(groups, partial(logprobs, model)) for model in (self._model, self._reference)
        )
        for group, others in zip(groups, reference, strict=True):
            self._known.update(zip(self._trainee.rows(group), others, strict=True))
        return [
            [
                tuple(self._beta * (new - old) for new, old in zip(*pair, strict=True))
                for pair in zip(mine, others, strict=True)
            ]
            for mine, others in zip(own, reference, strict=True)
        ]

    def learn(self, groups: Sequence[Group], members: Sequence[Sequence[Member]], seed: int) -> dict[str, float]:
        """Cross-entropy on the outcomes."""
        lessons = [self._lesson(group, own) for group, own in zip(groups, members, strict=True)]
        self._known = {}
        right = [(sum(one.token_scores) > 0) == (one.reward > 0.5) for own in members for one in own]
        return self._trainee.learn(lessons, self._loss, seed) | {"ppm/accuracy": sum(right) / len(right)}

    def _lesson(self, group: Group, members: Sequence[Member]) -> RowGroup[JudgedRow]:
        rows = [
            JudgedRow(row, one.reward, self._known[row])
            for row, one in zip(self._trainee.rows(group), members, strict=True)
        ]
        return RowGroup(group.problem.id, tuple(rows))
