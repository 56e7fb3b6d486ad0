"""What only watches: the truth beside every learned reward, and how well the credit finds the wrong steps.

Nothing of it reaches training, and nobody is charged for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace

import numpy as np

from compare.arms.advisers import has_learned_reward, learned_reward
from compare.arms.course import Course
from compare.arms.drift import Drift
from compare.arms.reward_model import judges
from compare.hacking import Watched, measure
from compare.ledger import Ledger
from mcts.trajectory import Trajectory
from policy.credit.base import Array, Member
from policy.rl import Group, judged, step_ends, without_errors
from prm.judging.best_of_n import best_of_n
from prm.judging.fidelity import fidelity, mean_fidelity, step_credit
from tasks.seeding import derive_seed

Judge = Callable[[Sequence[Group], int], list[list[Member]]]
"""What the arm's advisers say of groups, with a seed."""


class Audit:
    """Looks at every update of one arm."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._fidelity: list[dict[str, float]] = []
        course.checkpoint.add("audit", self)
        self._watches = has_learned_reward(course.arm)
        self._drift = Drift(course) if self._watches and not course.pool else None

    def state(self) -> list[dict[str, float]]:
        """The credit's fidelity in every update so far."""
        return self._fidelity

    def restore(self, state: list[dict[str, float]]) -> None:
        """Go on from there."""
        self._fidelity = state

    def look(
        self,
        groups: Sequence[Group],
        members: Sequence[Sequence[Member]],
        advantages: Sequence[list[Array]],
        kl: float | None,
    ) -> dict[str, float]:
        """The metrics of an update. ``kl``: what the loss saw of it, for arms whose drift is not measured here."""
        with self._course.phase("audit"):
            groups = self._true(groups)
            labels = [[self._labels(group, one) for one in group.trajectories] for group in groups]
            watched = [
                Watched(group.problem.prompt, one, self._learned(group, member), marks)
                for group, own, told in zip(groups, members, labels, strict=True)
                for one, member, marks in zip(group.trajectories, own, told, strict=True)
            ]
            found = measure(watched, self._course.config.policy.steps.step_end, kl)
            drifted = self._drift.look(groups) if self._drift else {}
            return found | drifted | self._credit(groups, advantages, labels)

    def finish(self, judge: Judge) -> None:
        """Leave the mean of all updates in the course's result, and what choosing by the learned reward comes to."""
        self._course.extra["fidelity"] = mean_fidelity(self._fidelity)
        if self._watches and self._course.config.judging.best_of:
            with _aside(self._course):
                self._course.extra["best_of_n"] = self._choose(judge)

    def _true(self, groups: Sequence[Group]) -> list[Group]:
        """The groups with true verdicts, where those of the rewards are wrong on purpose (``task.fault``)."""
        if self._course.verifier is self._course.task.verifier:
            return list(groups)
        bare = [replace(g, trajectories=tuple(replace(t, verdict=None) for t in g.trajectories)) for g in groups]
        return judged(bare, self._course.task.verifier)

    def _labels(self, group: Group, one: Trajectory) -> tuple[bool, ...]:
        oracle = self._course.task.oracle
        return tuple(oracle.step_labels(group.problem, [step.text for step in one.steps])) if oracle else ()

    def _learned(self, group: Group, member: Member) -> float | None:
        arm = self._course.arm
        return learned_reward(arm, member) if judges(arm, group.problem) else None

    def _choose(self, judge: Judge) -> list[dict[str, float]]:
        """Best of n by the learned reward, of the final policy's solutions of judged problems (``judging.best_of``)."""
        course, judging = self._course, self._course.config.judging
        problems = [p for p in course.task.problems(judging.split, judging.problems) if judges(course.arm, p)]
        problems = problems[: judging.best_of_problems]
        with course.phase("audit"):
            drawn = course.policy.sample(problems, judging.best_of, derive_seed(course.seed, "best of n"))
            groups = without_errors(judged(drawn, course.task.verifier))
        groups = [group for group in groups if len(group.trajectories) == judging.best_of]  # shorter ones compare badly
        if not groups:
            return []
        members = judge(groups, derive_seed(course.seed, "best of n", "scores"))
        learned_PN = np.array(
            [[self._learned(group, one) for one in own] for group, own in zip(groups, members, strict=True)],
            dtype=np.float64,
        )
        true_PN = np.array([[one.verdict.reward for one in group.trajectories if one.verdict] for group in groups])
        return [{name: round(value, 6) for name, value in row.items()} for row in best_of_n(learned_PN, true_PN)]

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


@contextmanager
def _aside(course: Course) -> Iterator[None]:
    """Whatever the block charges, to whichever phase, is the audit's: nobody pays for it."""
    kept, course.ledger = course.ledger, Ledger(course.ledger.parameters)
    try:
        yield
    finally:
        spent, course.ledger = course.ledger, kept
        for phase in spent.phases.values():
            course.ledger.add("audit", verifier_calls=phase.verifier_calls, sandbox_calls=phase.sandbox_calls)
            course.ledger.add("audit", seconds=phase.seconds)
            for role, tokens in phase.tokens.items():
                course.ledger.add("audit", role, **asdict(tokens))
