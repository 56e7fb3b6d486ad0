"""A mix of tasks: each problem is judged by the verifier of the part that it comes from.

A problem's id begins with its part (``words/wordmath/0/train-3``), and its ``meta["mix_part"]`` names it. How often a
part comes up is by its weight: each problem is of the part that is furthest behind its share. A part that holds no
more (a file) is left out from then on; asking for more problems always begins with the same ones. As in Tulu 3's RLVR
(arXiv 2411.15124, section 6), whose rows each name their verifier.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from tasks.answers import votes_of
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.problem import (
    VARIED_FROM,
    Demonstration,
    Problem,
    Split,
    StepOracle,
    Task,
    VariesProblems,
    Verdict,
    Verifier,
)

T = TypeVar("T")

_PART = "mix_part"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass
class MixConfig(TaskConfig):
    """Several tasks as one. A part is chosen by +task@task.parts.NAME=TASK, as in conf/recipe/tulu_rlvr.yaml."""

    name: str = "mix"  # what it is called in reports
    parts: dict[str, TaskConfig] = field(default_factory=dict)  # the tasks by name; each has the options of its kind
    weights: dict[str, float] = field(
        default_factory=dict
    )  # how often each comes up, against the others; 1 if not said


def part_of(problem: Problem) -> str:
    """The part of a mix that a problem comes from; empty for a problem of another task."""
    return str(problem.meta.get(_PART, ""))


class MixTask:
    """``parts``: the tasks by name."""

    def __init__(self, config: MixConfig, parts: Mapping[str, Task]) -> None:
        _check(config)
        self.name = config.name
        self.parts = dict(parts)
        self._weights = {name: float(config.weights.get(name, 1.0)) for name in parts}
        self.verifier: Verifier = _Verifiers({name: part.verifier for name, part in parts.items()})
        oracles = {name: part.oracle for name, part in parts.items() if part.oracle is not None}
        self.oracle: StepOracle | None = _Oracles(oracles) if len(oracles) == len(parts) else None

    def problems(self, split: Split, count: int) -> list[Problem]:
        """The first ``count`` of a split; fewer where every part holds fewer."""
        return self._mixed(count, lambda part, some: part.problems(split, some), _outer)

    def demonstrations(self, count: int) -> list[Demonstration]:
        """Worked solutions of all parts."""
        return self._mixed(
            count,
            lambda part, some: part.demonstrations(some),
            lambda name, one: replace(one, problem=_outer(name, one.problem)),
        )

    def vary(self, problem: Problem, rng: np.random.Generator) -> Problem | None:
        """A variation by the problem's part; None if that knows none."""
        part, own = self.own(problem)
        found = part.vary(own, rng) if isinstance(part, VariesProblems) else None
        if found is None:
            return None
        return _outer(part_of(problem), replace(found, meta={**found.meta, VARIED_FROM: problem.id}))

    def own(self, problem: Problem) -> tuple[Task, Problem]:
        """The part's task, and the problem as that knows it."""
        name = part_of(problem)
        return self.parts[name], inner(problem)

    def _mixed(self, count: int, ask: Callable[[Task, int], Sequence[T]], named: Callable[[str, T], T]) -> list[T]:
        if count < 0:
            raise ValueError(f"count must not be negative, got {count}")
        order = _order(self._weights, dict.fromkeys(self._weights, count), count)
        wanted = Counter(name for name, _ in order)
        found = {name: ask(part, wanted[name]) for name, part in self.parts.items()}
        if any(len(each) < wanted[name] for name, each in found.items()):  # then the others hold the rest
            found = {name: ask(part, count) for name, part in self.parts.items()}
            order = _order(self._weights, {name: len(each) for name, each in found.items()}, count)
        return [named(name, found[name][place]) for name, place in order]


def inner(problem: Problem) -> Problem:
    """A mix's problem as its part knows it."""
    meta = {name: value for name, value in problem.meta.items() if name != _PART}
    return replace(problem, id=problem.id.removeprefix(f"{part_of(problem)}/"), meta=meta)


def _outer(name: str, problem: Problem) -> Problem:
    return replace(problem, id=f"{name}/{problem.id}", meta={**problem.meta, _PART: name})


def _order(weights: Mapping[str, float], held: Mapping[str, int], count: int) -> list[tuple[str, int]]:
    """Which part comes when, and which of its items that is."""
    taken = dict.fromkeys(weights, 0)
    found: list[tuple[str, int]] = []
    while len(found) < count:
        left = [name for name in weights if taken[name] < held[name]]
        if not left:
            break
        name = min(left, key=lambda each: (taken[each] + 1) / weights[each])  # the first of equals
        found.append((name, taken[name]))
        taken[name] += 1
    return found


@dataclass(frozen=True, slots=True)
class _Verifiers:
    parts: Mapping[str, Verifier]

    def verify(self, problem: Problem, solution: str) -> Verdict:
        return self.parts[part_of(problem)].verify(inner(problem), solution)

    def answer_key(self, problem: Problem, solution: str) -> Hashable | None:
        return votes_of(self.parts[part_of(problem)], inner(problem))(solution)


@dataclass(frozen=True, slots=True)
class _Oracles:
    parts: Mapping[str, StepOracle]

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        return self.parts[part_of(problem)].step_labels(inner(problem), steps)

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        return self.parts[part_of(problem)].first_error(inner(problem), steps)


def _check(config: MixConfig) -> None:
    if not config.parts:
        raise UserError("task.parts is empty; give a mix its tasks, as in +task@task.parts.sums=chain")
    for name, part in config.parts.items():
        if not _NAME.fullmatch(name):
            raise UserError(f"task.parts: a part's name is letters, digits, _ and -, got {name!r}")
        if isinstance(part, MixConfig):
            raise UserError(f"task.parts.{name}: a mix cannot be a part of another one; name its parts here")
        if part.fault.false_positive or part.fault.false_negative:
            raise UserError(f"task.parts.{name}.fault: verifiers of a mix err together; set task.fault")
    if unknown := [name for name in config.weights if name not in config.parts]:
        raise UserError(f"task.weights.{unknown[0]}: there is no such part; the parts are {', '.join(config.parts)}")
    for name, weight in config.weights.items():
        if not 0 < weight < math.inf:
            raise UserError(f"task.weights.{name} must be a number above 0, got {weight}")
