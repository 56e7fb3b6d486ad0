"""The exact verifier of suite ``equations``, and its step oracle (for evaluation only)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from tasks.answers import read_final_answer
from tasks.answers.number import read_plain
from tasks.problem import Outcome, Problem, Verdict
from tasks.suites.equations_system import (
    LABELS,
    UNKNOWNS,
    Equation,
    combine,
    read_combination,
    read_equation,
    read_system,
    solve,
    write_values,
)

MAX_ANSWER = 200
"""Longest answer, in characters."""

_LONGEST_STEP = 120
_NAMED = re.compile(r"([xyz]) ?= ?(.+)")
_STEP = re.compile(r"([A-Z])=([-+0-9A-Z/]+): (.+)")
_ANSWER = re.compile(r"#### (\S.*)")


class EquationsVerifier:
    """Correct iff the final answer gives every unknown its exact value: ``x=1/2, y=-3``, or ``1/2, -3`` in order."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """Reward 1 or 0; what is no such list is ``unverifiable``. Raises ValueError for another suite's problem."""
        equations = read_system(problem.prompt)
        answer = read_final_answer(solution)
        if answer is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no final answer (#### or \\boxed{})")
        values = read_values(answer, len(equations))
        if values is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note=f"the final answer {answer[:80]!r} is no list of values")
        if values != solve(equations):
            return Verdict(Outcome.WRONG, 0.0, note=f"the final answer is {write_values(values)}")
        return Verdict(Outcome.CORRECT, 1.0)


def read_values(text: str, unknowns: int) -> tuple[Fraction, ...] | None:
    """The values of the unknowns in order; None unless there is exactly one number for each."""
    if len(text) > MAX_ANSWER:
        return None
    entries = [entry.strip() for entry in text.removeprefix("(").removesuffix(")").split(",")]
    named = [_NAMED.fullmatch(entry) for entry in entries]
    names = [found[1] for found in named if found]
    if names and sorted(names) != list(UNKNOWNS[:unknowns]):
        return None
    written = [found[2] if found else entry for found, entry in zip(named, entries, strict=True)]
    numbers = [read_plain(each) for each in written]
    values = [each.value for each in numbers if each is not None and not each.is_percent]
    if len(values) != len(entries) or len(values) != unknowns or len(names) not in (0, unknowns):
        return None
    return tuple(values[names.index(name)] for name in UNKNOWNS[:unknowns]) if names else tuple(values)


class EquationsOracle:
    """Judges each step by what was stated before it, so one slip does not make the steps after it wrong.

    A step such as ``D=3A-2B: 7y=14`` is right iff it is exactly well formed, bears the next free letter and states
    exactly what the combination of the equations stated before comes to. The answer is right iff each of its values
    was stated by an equation such as ``y=2``, the last one for that unknown. Nothing follows from a malformed step or
    from an answer.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label for each step there is. Raises ValueError if the problem is not one of suite ``equations``."""
        given = read_system(problem.prompt)
        known = dict(zip(LABELS, given, strict=False))
        values: dict[str, Fraction] = {}
        labels: list[bool] = []
        has_answered = False
        for index, step in enumerate(steps):
            line = step.removesuffix("\n")
            answer = _ANSWER.fullmatch(line)
            if has_answered or answer is not None:
                labels.append(not has_answered and answer is not None and _repeats(answer[1], values, len(given)))
                has_answered = True
                continue
            stated = _read_step(line, len(given))
            labels.append(stated is not None and stated[0] == _label(len(given) + index) and _follows(stated, known))
            if stated is not None:
                known[stated[0]] = stated[2]
                values.update([found] if (found := stated[2].isolated) else [])
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        labels = self.step_labels(problem, steps)
        return -1 if all(labels) else labels.index(False)


def _read_step(line: str, unknowns: int) -> tuple[str, str, Equation] | None:
    """Label, combination as it is written, and equation."""
    found = _STEP.fullmatch(line) if len(line) <= _LONGEST_STEP else None
    equation = read_equation(found[3], unknowns) if found else None
    return None if found is None or equation is None else (found[1], found[2], equation)


def _follows(stated: tuple[str, str, Equation], known: dict[str, Equation]) -> bool:
    combination = read_combination(stated[1])
    return combination is not None and combine(combination, known) == stated[2]


def _label(place: int) -> str:
    return LABELS[place] if place < len(LABELS) else ""


def _repeats(answer: str, values: dict[str, Fraction], unknowns: int) -> bool:
    given = read_values(answer, unknowns)
    return given is not None and given == tuple(values.get(name) for name in UNKNOWNS[:unknowns])
