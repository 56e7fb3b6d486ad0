"""Runs a plan in a world and sees what it comes to."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.graders.base import Item, Resources, failed, graded, unverifiable
from tasks.graders.own_code import CallFailed, OwnFunction, read_function
from tasks.graders.python_grader import verdict_of
from tasks.graders.scale import Scale, read_scale
from tasks.graders.spec import Spec
from tasks.graders.texts import Part, part_of
from tasks.problem import Verdict
from tasks.suites.plan_simulator import read_world, simulate

_NO_PLAN = "there is no final answer (#### or \\boxed{}) to take the plan from"


@dataclass(frozen=True, slots=True)
class GridSimulator:
    """The project's grid world (tasks.suites.plan_simulator). The item's ``world`` is its picture."""

    part: Part

    def grade(self, item: Item) -> Verdict:
        plan, picture = part_of(item, self.part), item.data("world")
        if not isinstance(picture, str):
            return failed("the item has no world, a text")
        try:
            world = read_world(picture)
        except ValueError as error:
            return failed(f"the item's world cannot be read: {error}")
        if plan is None:
            return unverifiable(_NO_PLAN)
        report = simulate(world, plan.strip())
        return graded(float(report.reached), note=report.note)


@dataclass(frozen=True, slots=True)
class OwnSimulator:
    """A simulator from the config, ``simulate(world, plan)``, run in the sandbox; it returns what python graders do."""

    function: OwnFunction
    part: Part
    scale: Scale
    pass_at: float

    def grade(self, item: Item) -> Verdict:
        plan = part_of(item, self.part)
        if plan is None:
            return unverifiable(_NO_PLAN)
        try:
            return verdict_of(self.function(item.data("world"), plan), self.scale, self.pass_at)
        except CallFailed as error:
            return failed(str(error))


def simulator(spec: Spec, resources: Resources) -> GridSimulator | OwnSimulator:
    """Options: ``of`` (answer, text); for one's own: ``source`` or ``file``, ``range``, ``pass_at``."""
    part = spec.choice("of", Part, Part.ANSWER)
    if not spec.has("source") and not spec.has("file"):
        return GridSimulator(part)
    function = read_function(spec, "simulate", resources)
    return OwnSimulator(function, part, read_scale(spec), spec.number("pass_at", 1.0, 1e-6, 1.0))
