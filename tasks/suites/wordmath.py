r"""Suite ``wordmath``: word problems from templates, solved in equations, in worded steps or in code.

    Tom has 12 pens. Tom gets 5 more. Ann has 3 times as many as Tom. How many pens does Ann have?

    style=equations    style=worded                                 step_format=code
    12+5=17            Tom gets 5 more: 12+5=17                     # Tom gets 5 more
    17*3=51            Ann has 3 times as many as Tom: 17*3=51      a=12+5
    #### 51            #### 51                                      <end_of_step>
                                                                    # Ann has 3 times as many as Tom
                                                                    b=a*3
                                                                    print(b)
                                                                    <end_of_step>
                                                                    >>> 51
                                                                    The answer is \boxed{51}

A misconception takes one kind of sentence for another operation: the arithmetic of the step is right, its sense is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.answers import AnswerType, AnswerVerifier
from tasks.config import StepFormat
from tasks.errors import UserError
from tasks.problem import Problem, StepOracle, Verifier
from tasks.suites.code_format import STEP_END, CodeVerifier, code_steps, final_line, observation
from tasks.suites.procedural import ProceduralConfig, chosen_facts
from tasks.suites.varying import VaryingTask
from tasks.suites.wordmath_draw import draw_story
from tasks.suites.wordmath_oracle import WordmathOracle
from tasks.suites.wordmath_sentences import FACTS, OPERATOR
from tasks.suites.wordmath_story import Operand, Operation, Story, operand_values, read_story, worked_out
from tasks.suites.wordmath_style import Style

_MISTAKES = 6  # so that two and three other operators are each chosen evenly
_LARGEST_MISTAKE = 9999


@dataclass
class WordmathConfig(ProceduralConfig):
    """Which word problems there are, and how they are solved."""

    name: str = "wordmath"  # the task's name: the first part of every problem id
    style: Style = Style.EQUATIONS  # what a step is with step_format=text
    min_operations: int = 2  # operations of the shortest story
    max_operations: int = 3  # operations of the longest story, at most 8; numbers between are equally likely
    largest_operand: int = 9  # the numbers in the sentences lie in 2..largest_operand
    largest_value: int = 60  # nothing that is worked out on the way is larger
    distractors: float = 0.0  # how often a story has a sentence that is beside the point


class WordmathTask(VaryingTask[Story]):
    """Draws stories by seed. Without limit in practice."""

    suite = "wordmath"
    knows_code = True

    def __init__(self, config: WordmathConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self._is_code = config.step_format is StepFormat.CODE
        inner = AnswerVerifier(AnswerType.INTEGER)
        self.verifier: Verifier = CodeVerifier(inner) if self._is_code else inner
        self.oracle: StepOracle | None = WordmathOracle(config.step_format, config.style)
        numbers = chosen_facts(self.stream("misconceptions"), FACTS, config.misconceived_facts, _MISTAKES)
        self.mistaken = {key: _mistaken_operator(OPERATOR[key], number) for key, number in numbers.items()}
        """The operator that each misconceived kind of sentence is taken for."""

    def draw(self, rng: np.random.Generator) -> Story:
        config = self.config
        operations = int(rng.integers(config.min_operations, config.max_operations + 1))
        distracts = bool(rng.random() < config.distractors)
        return draw_story(rng, operations, config.largest_operand, config.largest_value, distracts)

    def solution(self, item: Story, rng: np.random.Generator) -> str:
        slips = [operation.key in self.mistaken for operation in item.operations]
        shown = [slip and bool(rng.random() < self.config.misconception_rate) for slip in slips]
        walked = self._walk(item.operations, shown, [], [])
        assert walked is not None  # without slips every step has a whole result
        operators, values = walked
        lines = [self._step(item.operations, index, operators[index], values) for index in range(len(item.operations))]
        if self._is_code:
            return "".join([*lines, observation(f"{values[-1]}"), final_line(str(values[-1]))])
        return "".join([*lines, f"#### {values[-1]}"])

    def read(self, prompt: str) -> Story:
        return read_story(prompt)

    def varied(self, item: Story, rng: np.random.Generator) -> Story | None:
        """One number of the story is drawn anew; None where its values would no longer be whole and small enough."""
        numbers = list(re.finditer(r"[0-9]+", item.prompt))
        start, end = numbers[int(rng.integers(len(numbers)))].span()
        new = int(rng.integers(2, self.config.largest_operand + 1))
        try:
            story = read_story(f"{item.prompt[:start]}{new}{item.prompt[end:]}")
        except ValueError:
            return None
        fits = min(story.values) >= 1 and max(story.values) <= self.config.largest_value
        return story if fits else None

    def wider(self) -> str:
        config = self.config
        return (
            f"task.max_operations={config.max_operations}, task.largest_operand={config.largest_operand}"
            f" and task.largest_value={config.largest_value}"
        )

    def stated(self, answer: str) -> str:
        return final_line(answer) if self._is_code else super().stated(answer)

    def steps(self, solution: str) -> list[str]:
        return code_steps(solution) if self._is_code else super().steps(solution)

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        yield from super().perturbed(problem, neighbour)
        if self._is_code:
            right = self.stated(problem.answer)
            yield "printed by code", f"# {right}\nprint('{right}')\n{STEP_END}{observation(right)}"
            yield "without a final step", f"print({problem.answer})\n{STEP_END}{observation(problem.answer)}"

    def _walk(
        self, operations: list[Operation], shown: list[bool], operators: list[str], values: list[int]
    ) -> tuple[list[str], list[int]] | None:
        """Operators and results of a solution that shows those slips that leave every later step a whole result."""
        index = len(values)
        if index == len(operations):
            return operators, values
        operation = operations[index]
        right = [operation.operator]
        for operator in [self.mistaken[operation.key], *right] if shown[index] else right:
            result = worked_out(operator, *operand_values(operation, values))
            if result is not None and result <= _LARGEST_MISTAKE:
                found = self._walk(operations, shown, [*operators, operator], [*values, result])
                if found is not None:
                    return found
        return None

    def _step(self, operations: list[Operation], index: int, operator: str, values: list[int]) -> str:
        operation = operations[index]
        about = operation.sentence.rstrip(".?")
        if self._is_code:
            sign = "//" if operator == "/" else operator
            line = f"{_variable(index)}={_name(operation.left)}{sign}{_name(operation.right)}\n"
            is_last = index == len(operations) - 1
            return f"# {about}\n{line}" + (f"print({_variable(index)})\n" if is_last else "") + STEP_END
        left, right = operand_values(operation, values)
        equation = f"{left}{operator}{right}={values[index]}\n"
        return f"{about}: {equation}" if self.config.style is Style.WORDED else equation


def _variable(index: int) -> str:
    return "abcdefgh"[index]


def _name(operand: Operand) -> str:
    return str(operand) if isinstance(operand, int) else _variable(operand.index)


def _mistaken_operator(right: str, number: int) -> str:
    others = [operator for operator in "+-*" if operator != right]
    return others[number % len(others)]


def _check(config: WordmathConfig) -> None:
    if not 1 <= config.min_operations <= config.max_operations <= 8:
        raise UserError(
            "task.min_operations must be at least 1 and at most task.max_operations, which is at most 8, got"
            f" min_operations={config.min_operations} and max_operations={config.max_operations}"
        )
    if not 4 <= config.largest_operand <= 99:
        raise UserError(f"task.largest_operand must lie in 4..99, got {config.largest_operand}")
    if not config.largest_operand * 2 <= config.largest_value <= _LARGEST_MISTAKE:
        raise UserError(
            f"task.largest_value must lie between twice task.largest_operand and {_LARGEST_MISTAKE}, got"
            f" {config.largest_value} with largest_operand={config.largest_operand}"
        )
    if not 0.0 <= config.distractors <= 1.0:
        raise UserError(f"task.distractors is a share and must lie in 0..1, got {config.distractors}")
