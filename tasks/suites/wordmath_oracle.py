"""The exact step oracle of suite ``wordmath``. For evaluation only: nothing that it says may reach training."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.config import StepFormat
from tasks.problem import Problem
from tasks.suites.code_format import FINAL, STEP_END, without_observations
from tasks.suites.wordmath_story import Operand, Operation, read_story
from tasks.suites.wordmath_style import Style

# Static limits: no number that is slow to read, and no step that is slow to look through.
_VALUE = r"(0|[1-9][0-9]{0,5})"
_LONGEST = 400
_EQUATION = rf"{_VALUE}([-+*/]){_VALUE}={_VALUE}"
_TEXT_STEP = re.compile(_EQUATION)
_WORDED_STEP = re.compile(rf"[A-Z][^:=\n]*: {_EQUATION}")
_TEXT_ANSWER = re.compile(rf"#### {_VALUE}")
_CODE_ANSWER = re.compile(rf"{FINAL}\\boxed\{{{_VALUE}\}}")
_ASSIGNMENT = re.compile(r"([a-z]) ?= ?([a-z]|0|[1-9][0-9]{0,5}) ?(\+|-|\*|//?) ?([a-z]|0|[1-9][0-9]{0,5})")
_PRINT = re.compile(r"print\(([a-z])\)")

Stated = tuple[int, str, int, int]
"""What a step says: left operand, operator, right operand, result."""


class WordmathOracle:
    """Judges each step by what was stated before it, so one slip does not make the steps after it wrong.

    Step i is right iff it is exactly well formed, applies the story's i-th operation to the values stated before
    (sums and products in either order) and comes to the right result. In code the step is comments, one assignment
    of one operation, and prints of known variables; its result is worked out here, without running anything. The
    answer is right iff all operations have been done and it repeats the value stated last. Nothing follows from a
    malformed step or from an answer.
    """

    def __init__(self, step_format: StepFormat, style: Style) -> None:
        self._is_code = step_format is StepFormat.CODE
        self._pattern = _WORDED_STEP if style is Style.WORDED else _TEXT_STEP

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label for each step there is. Raises ValueError if the problem is not one of suite ``wordmath``."""
        operations = read_story(problem.prompt).operations
        stated: list[int | None] = []
        variables: dict[str, int] = {}
        labels = []
        for index, step in enumerate(steps):
            answer = self._answer(step)
            if answer is not None:
                labels.append(index == len(operations) and stated[-1] == answer)
                stated.append(None)
                continue
            said = self._read(step, variables)
            labels.append(said is not None and index < len(operations) and _is_right(operations[index], stated, said))
            stated.append(None if said is None else said[3])
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        labels = self.step_labels(problem, steps)
        return -1 if all(labels) else labels.index(False)

    def _answer(self, step: str) -> int | None:
        if self._is_code:
            found = _CODE_ANSWER.fullmatch(step.removesuffix(STEP_END).removesuffix("\n"))
        else:
            found = _TEXT_ANSWER.fullmatch(step.removesuffix("\n"))
        return None if found is None else int(found[1])

    def _read(self, step: str, variables: dict[str, int]) -> Stated | None:
        if len(step) > _LONGEST:
            return None
        if self._is_code:
            return _read_code(without_observations(step).removesuffix(STEP_END), variables)
        found = self._pattern.fullmatch(step.removesuffix("\n"))
        return None if found is None else (int(found[1]), found[2], int(found[3]), int(found[4]))


def _is_right(operation: Operation, stated: list[int | None], said: Stated) -> bool:
    left, operator, right, result = said
    expected = [_value(operation.left, stated), _value(operation.right, stated)]
    given = [left, right]
    follows = given == expected or (operator in "+*" and given == expected[::-1])
    return follows and operator == operation.operator and result == _result(operator, left, right)


def _value(operand: Operand, stated: list[int | None]) -> int | None:
    return operand if isinstance(operand, int) else stated[operand.index]


def _result(operator: str, left: int, right: int) -> int | None:
    if operator == "/":
        return left // right if right and left % right == 0 else None
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def _read_code(code: str, variables: dict[str, int]) -> Stated | None:
    """The step's one operation; its variable is known from then on."""
    lines = [line for line in code.split("\n") if line and not line.startswith("#")]
    assignment = _ASSIGNMENT.fullmatch(lines[0]) if lines else None
    if assignment is None:
        return None
    name, left, sign, right = assignment.groups()
    operands = [variables.get(word) if word.isalpha() else int(word) for word in (left, right)]
    operator = sign[0]
    if operands[0] is None or operands[1] is None:
        return None
    result = _result(operator, operands[0], operands[1])
    if result is None:
        return None
    variables[name] = result
    if any((shown := _PRINT.fullmatch(line)) is None or shown[1] not in variables for line in lines[1:]):
        return None
    return operands[0], operator, operands[1], result
