"""The verdict of the task that a problem comes from, as a part of a larger grader."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.errors import UserError
from tasks.graders.base import Item, Resources
from tasks.graders.spec import Spec
from tasks.problem import Problem, Verdict, Verifier


@dataclass(frozen=True, slots=True)
class OwnTask:
    """Asks the task's verifier: whatever a suite, a simulator or a proof checker says of a solution."""

    verifier: Verifier

    def grade(self, item: Item) -> Verdict:
        return self.verifier.verify(Problem(item.id, item.prompt, item.reference, item.meta), item.text)


def own_task(spec: Spec, resources: Resources) -> OwnTask:
    """No options. There must be a task: it is for the rewards of training (``arms.NAME.reward``)."""
    if resources.verifier is None:
        raise UserError(f"{spec.path}: a grader of type task is for arms.NAME.reward, where there is a task to ask")
    return OwnTask(resources.verifier)
