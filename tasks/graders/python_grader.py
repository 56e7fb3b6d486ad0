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
    """What a foreign function's answer means: a score, or a mapping with an ``outcome``, a ``reward`` or both.

    An ``error`` if the two contradict each other. Without a reward ``correct`` is worth 1 and the other outcomes 0.
    """
    if not isinstance(told, Mapping):
        return _scored(told, scale, pass_at)
    outcome, score = told.get("outcome"), told.get("reward")
    if outcome is None:
        return _scored(score, scale, pass_at)
    if outcome not in list(Outcome):
        return failed(f"the outcome {outcome!r:.60} is none of {', '.join(Outcome)}")
    if score is None:
        return Verdict(Outcome(outcome), float(outcome == Outcome.CORRECT))
    verdict = _scored(score, scale, pass_at)
    agrees = verdict.outcome == outcome or (outcome in (Outcome.UNVERIFIABLE, Outcome.ERROR) and verdict.reward == 0)
    if not agrees and verdict.outcome is not Outcome.ERROR:
        return failed(f"the outcome {outcome} contradicts the score {score!r:.60} (pass_at is {pass_at:g})")
    return verdict if verdict.outcome is Outcome.ERROR else Verdict(Outcome(outcome), verdict.reward)


def _scored(score: Any, scale: Scale, pass_at: float) -> Verdict:
    reward = scale.reward(score)
    return failed(scale.complaint(score)) if reward is None else graded(reward, pass_at)


def python(spec: Spec, resources: Resources) -> PythonGrader:
    """Options: ``source`` or ``file``, ``range``, ``pass_at``."""
    function = read_function(spec, "grade", resources)
    return PythonGrader(function, read_scale(spec), spec.number("pass_at", 1.0, 1e-6, 1.0))
