"""The exact verifier of suite ``countdown``, and its step oracle (for evaluation only)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction

from tasks.answers import read_final_answer
from tasks.problem import Outcome, Problem, Verdict
from tasks.suites.countdown_game import read_game
from tasks.suites.expressions import Arithmetic, exact, read_expression

_VALUE = r"([0-9]{1,6}|\(-?[0-9]{1,6}(?:/[1-9][0-9]{0,5})?\))"
_STEP = re.compile(rf"{_VALUE}([-+*/]){_VALUE}={_VALUE}")
_ANSWER = re.compile(r"#### (\S.*)")
_CORRECT = Verdict(Outcome.CORRECT, 1.0)


class CountdownVerifier:
    """Correct iff the final answer is an expression of the given numbers, each used at most once, with that value."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """Reward 1 or 0; what is no expression is ``unverifiable``. Raises ValueError for another suite's problem."""
        numbers, target = read_game(problem.prompt)
        answer = read_final_answer(solution)
        if answer is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no final answer (#### or \\boxed{})")
        expression = read_expression(answer)
        if expression is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note=f"the final answer {answer[:80]!r} is no expression")
        if not Counter(expression.numbers) <= Counter(numbers):
            return Verdict(Outcome.WRONG, 0.0, note=f"{answer} does not use the given numbers, each at most once")
        if expression.value != target:
            return Verdict(Outcome.WRONG, 0.0, note=f"{answer} comes to {expression.value}")
        return _CORRECT


def reaches(text: str, numbers: Sequence[int], target: int, arithmetic: Arithmetic = exact) -> bool:
    """Is the text an expression of these numbers, each used at most once, that comes to the target?"""
    expression = read_expression(text, arithmetic)
    return expression is not None and expression.value == target and Counter(expression.numbers) <= Counter(numbers)


class CountdownOracle:
    """Judges each step by what was stated before it, so one slip does not make the steps after it wrong.

    A step is right iff it is exactly well formed, takes two numbers that are on the table (the given ones, and the
    results stated since, each once) and states the right result. A step that leads nowhere is right too. The answer
    is right iff, by the results that the steps stated, it comes to the target. Nothing follows from an answer; a
    malformed step states nothing. A fraction stands in parentheses, as in ``(7/2)*4=14``.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label for each step there is. Raises ValueError if the problem is not one of suite ``countdown``."""
        numbers, target = read_game(problem.prompt)
        table = Counter(map(Fraction, numbers))
        stated: dict[tuple[str, Fraction, Fraction], Fraction] = {}
        labels: list[bool] = []
        has_answered = False

        def recalled(operator: str, left: Fraction, right: Fraction) -> Fraction | None:
            return stated.get((operator, left, right), exact(operator, left, right))

        for step in steps:
            line = step.removesuffix("\n")
            answer, found = _ANSWER.fullmatch(line), _STEP.fullmatch(line)
            if answer is not None:
                labels.append(not has_answered and reaches(answer[1], numbers, target, recalled))
                has_answered = True
            elif found is None or has_answered:
                labels.append(False)
            else:
                left, right, result = (Fraction(found[place].strip("()")) for place in (1, 3, 4))
                labels.append(_is_right(table, left, found[2], right, result))
                table -= Counter([left, right])
                table[result] += 1
                stated[found[2], left, right] = result
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        labels = self.step_labels(problem, steps)
        return -1 if all(labels) else labels.index(False)


def _is_right(table: Counter[Fraction], left: Fraction, operator: str, right: Fraction, result: Fraction) -> bool:
    return Counter([left, right]) <= table and exact(operator, left, right) == result
