"""A grader that is a function of the user's: ``grade(sample, item)``, run in the sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.graders.base import Item, Resources, failed, graded
from tasks.graders.own_code import CallFailed, OwnFunction, read_function
from tasks.graders.scale import Scale, read_scale
from tasks.graders.spec import Spec
from tasks.graders.texts import Part, part_of
from tasks.problem import Outcome, Verdict


@dataclass(frozen=True, slots=True)
class PythonGrader:
    """``sample`` holds ``output_text`` and ``answer`` (or None); ``item`` the id, prompt, reference and meta.

    The function returns a score, or ``{"outcome": ..., "reward": score}``. A score beyond ``range`` and whatever goes
    wrong is an ``error``.
    """

    function: OwnFunction
    scale: Scale
    pass_at: float

    def grade(self, item: Item) -> Verdict:
        sample = {"output_text": item.text, "answer": part_of(item, Part.ANSWER)}
        given = {**item.meta, "id": item.id, "prompt": item.prompt, "reference": item.reference}
        try:
            told = self.function(sample, given)
        except CallFailed as error:
            return failed(str(error))
        return verdict_of(told, self.scale, self.pass_at)


def verdict_of(told: Any, scale: Scale, pass_at: float) -> Verdict:
    """What a foreign function's answer means."""
    outcome = None
    if isinstance(told, Mapping):
        outcome, told = told.get("outcome"), told.get("reward", 0.0)
        if outcome is not None and outcome not in list(Outcome):
            return failed(f"the outcome {outcome!r:.60} is none of {', '.join(Outcome)}")
    reward = scale.reward(told)
    if reward is None:
        return failed(scale.complaint(told))
    verdict = graded(reward, pass_at)
    return verdict if outcome is None else Verdict(Outcome(outcome), reward)


def python(spec: Spec, resources: Resources) -> PythonGrader:
    """Options: ``source`` or ``file``, ``range``, ``pass_at``."""
    function = read_function(spec, "grade", resources)
    return PythonGrader(function, read_scale(spec), spec.number("pass_at", 1.0, 1e-6, 1.0))
