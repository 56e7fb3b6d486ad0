"""A PPM that an arm follows, and what keeps its scores from being gamed (``compare.remedy_config``).

- Refresh: it goes on learning from trees of the policy that it judges, as in a round of rStar-Math (arXiv 2501.04519).
- Adversarial: it learns from the policy's wrong solutions that it thinks well of (Adv-RM, arXiv 2504.06141).
- Second: another PPM, from other trees and another seed, has its say; where the two differ, scores are lower (Coste et
  al., arXiv 2310.02743: mean less a penalty on the spread; a penalty of 1 is their worst case, for two).
- Clip: what is above a bound earns no more than the bound (Gao et al., arXiv 2410.15115).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from compare.arms.companion import Trainee, row_scores
from compare.arms.course import Course
from compare.arms.ready_ppm import ready_ppm
from compare.arms.remedies_pairs import adversarial_lesson, refresh_lessons
from compare.ledger import Role
from compare.remedy_config import RemedyConfig
from lm.packing import packed_size
from policy.credit.base import Member
from policy.rl import Group
from prm.model import load_ppm
from prm.train import NodePairs, node_loss
from tasks.errors import UserError
from tasks.seeding import derive_seed

StepScores = list[list[tuple[float, ...]]]
"""By group and trajectory: one value in [-1, 1] per step."""


class Ppm:
    """One PPM on the arm's account: it values steps, and it may learn."""

    def __init__(self, course: Course, path: Path) -> None:
        self._course, self._path = course, path
        self._model = load_ppm(self._path, course.policy.device)
        self._trainee = Trainee(course, Role.PPM, self._model, course.config.ppm.optimiser)

    def __call__(self, groups: Sequence[Group]) -> StepScores:
        """tanh of the score at each step's end. UserError if one is not finite."""
        rows = [[self._rows(group, index) for index in range(len(group.trajectories))] for group in groups]
        with self._course.phase("scoring"):
            found = row_scores(self._model, [row for own in rows for part in own for row in part])
        if not all(map(math.isfinite, found.values())):
            raise UserError(
                f"arm {self._course.work.name}: the PPM ({self._path}) gives a step a score that is not finite; lower "
                "ppm.optimiser.learning_rate"
            )
        self._course.ledger.add("scoring", Role.PPM, scored=sum(packed_size([p[-1] for p in own]) for own in rows))
        return [[tuple(math.tanh(found[row]) for row in part) for part in own] for own in rows]

    def learn(self, lessons: Sequence[NodePairs], seed: int) -> dict[str, float]:
        """Passes over the pairs (``ppm.optimiser``)."""
        return self._trainee.learn(lessons, node_loss, seed) if lessons else {}

    def _rows(self, group: Group, index: int) -> list[tuple[int, ...]]:
        one = group.trajectories[index]
        begun = accumulate(
            (step.context_ids for step in one.steps), initial=self._course.policy.encode(group.problem.prompt)
        )
        return list(begun)[1:]


class GuardedPpm:
    """The PPM of the arm's own trees with the arm's remedies. Without one it stays as it is, and its word is final."""

    def __init__(self, course: Course) -> None:
        grown, ready = course.work.trees, course.arm.ppm
        path = ready_ppm(course, Path(ready)) if ready is not None else grown and grown.ppm
        assert path, "a PPM is trained before the arm begins, or was there"
        self._course, self._remedy = course, course.arm.remedy
        self._ppm = Ppm(course, path)
        self._second = Ppm(course, grown.second) if grown is not None and grown.second is not None else None
        self._updates = 0
        course.checkpoint.add("guard", self)

    def __call__(self, groups: Sequence[Group], seed: int) -> StepScores:
        """What the steps count for; the seed is not needed."""
        scores = self._ppm(groups)
        others = self._second(groups) if self._second else scores
        return [
            [guarded(*each, self._remedy) for each in zip(own, second, strict=True)]
            for own, second in zip(scores, others, strict=True)
        ]

    def learn(self, groups: Sequence[Group], members: Sequence[Sequence[Member]], seed: int) -> dict[str, float]:
        """After an update: what is due of refresh and adversarial training. The second PPM stays independent."""
        self._updates += 1
        lessons, found = [], {}
        if self._remedy.refresh and self._updates % self._remedy.refresh == 0:
            lessons += refresh_lessons(self._course, derive_seed(seed, "refresh"))
            found["ppm/refresh_nodes"] = float(len(lessons))
        if self._remedy.adversarial and self._updates % self._remedy.adversarial == 0:
            caught = [
                adversarial_lesson(
                    group, [one.step_scores for one in own], self._course.policy.encode(group.problem.prompt)
                )
                for group, own in zip(groups, members, strict=True)
            ]
            lessons += [each for each in caught if each is not None]
            found["ppm/caught"] = sum(each is not None for each in caught) / len(caught)
        return found | self._ppm.learn(lessons, derive_seed(seed, "PPM"))

    def state(self) -> int:
        """Updates so far."""
        return self._updates

    def restore(self, state: int) -> None:
        """Go on from there."""
        self._updates = state


def guarded(scores: tuple[float, ...], others: tuple[float, ...], remedy: RemedyConfig) -> tuple[float, ...]:
    """Two PPMs' scores of the same steps as one, in [-1, 1]: (a + b) / 2 - second |a - b| / 2, then clipped."""
    penalty, most = remedy.second or 0.0, 1.0 if remedy.clip is None else remedy.clip
    mixed = [(a + b - penalty * abs(a - b)) / 2 for a, b in zip(scores, others, strict=True)]
    return tuple(max(-1.0, min(most, value)) for value in mixed)
