"""A grader in a verifier's place."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.graders.base import Grader, Item
from tasks.problem import Problem, Verdict


@dataclass(frozen=True, slots=True)
class GraderVerifier:
    """Judges a problem's solution with a grader: the problem's answer is the reference, its ``meta`` the item's."""

    grader: Grader

    def verify(self, problem: Problem, solution: str) -> Verdict:
        item = Item(problem.id, problem.prompt, problem.answer, completion=solution, meta=problem.meta)
        return self.grader.grade(item)
