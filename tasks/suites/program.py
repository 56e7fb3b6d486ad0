"""Suite ``program``: write a small function to a specification; hidden tests judge it in the sandbox.

    each add 3, evens, sum        the prompt: what becomes of x, in this order,
    [1,4]:4 [7,2,-3]:10           and two examples, input:output
    x=[v+3 for v in x]            the body of f(x), a line an operation
    x=[v for v in x if v%2==0]
    #### return sum(x)            the marker stands before the last line; ``;`` may divide lines

Any body of which the function passes all hidden tests is correct; the reward of others is the share they pass. Which
inputs are tested follows from the specification and stands in no file. A misconceived fact is an operation with its
operand, and the one wrong expression that a demonstration writes for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from tasks.errors import UserError
from tasks.problem import Problem, StepOracle, Verifier
from tasks.sandbox.limits import Limits
from tasks.sandbox.open import open_sandbox
from tasks.suites.procedural import ProceduralConfig, ProceduralTask, chosen_facts
from tasks.suites.program_operations import OPERATIONS, Call
from tasks.suites.program_specification import Specification, draw_specification
from tasks.suites.program_verifier import ProgramOracle, ProgramVerifier

_LONGEST = 5  # there are six operations on numbers, and none comes twice


@dataclass
class ProgramConfig(ProceduralConfig):
    """Which specifications there are."""

    name: str = "program"  # the task's name: the first part of every problem id
    min_operations: int = 2  # of the shortest specification
    max_operations: int = 3  # of the longest one, at most 5; numbers between are equally likely
    list_rate: float = 0.5  # share of specifications of which the input is a list
    seconds: float = 2.0  # wall-clock limit of a program with all its tests, which takes about 0.02


class ProgramTask(ProceduralTask[Specification]):
    """Draws specifications by seed."""

    suite = "program"

    def __init__(self, config: ProgramConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self.verifier: Verifier = ProgramVerifier(partial(open_sandbox, config.sandbox, Limits(seconds=config.seconds)))
        self.oracle: StepOracle | None = ProgramOracle()
        facts = [Call(name, k) for name, operation in OPERATIONS.items() for k in operation.numbers or (0,)]
        self._mistakes = chosen_facts(self.stream("misconceptions"), facts, config.misconceived_facts, 2)

    def draw(self, rng: np.random.Generator) -> Specification:
        length = int(rng.integers(self.config.min_operations, self.config.max_operations + 1))
        return draw_specification(length, list if rng.random() < self.config.list_rate else int, rng)

    def solution(self, item: Specification, rng: np.random.Generator) -> str:
        shown = [
            mistake if (mistake := self._mistakes.get(call, 0)) and rng.random() < self.config.misconception_rate else 0
            for call in item.calls
        ]
        *lines, last = item.lines(shown)
        return "\n".join([*lines, f"#### {last}"])

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        lines = problem.answer.split("; ")
        yield "returns x", self.stated("return x if False else None")
        yield "returns nothing", self.stated("; ".join([*lines[:-1], lines[-1].removeprefix("return ")]))
        yield "prints", self.stated("; ".join([*lines[:-1], f"print({lines[-1].removeprefix('return ')})"]))
        yield (
            "off by one",
            self.stated("; ".join([*lines[:-1], f"{lines[-1]}+[1]" if _is_list(problem) else f"{lines[-1]}+1"])),
        )
        yield "text", self.stated("; ".join([*lines[:-1], f"return str({lines[-1].removeprefix('return ')})"]))
        yield "no Python", self.stated(problem.prompt.partition("\n")[0])
        yield "two ends", f"{self.stated(problem.answer)}\n{self.stated(problem.answer)}"
        yield "empty", self.stated("")

    def wider(self) -> str:
        return f"task.max_operations={self.config.max_operations} and task.list_rate={self.config.list_rate}"


def _is_list(problem: Problem) -> bool:
    return problem.prompt.rstrip().endswith("]")


def _check(config: ProgramConfig) -> None:
    if not 1 <= config.min_operations <= config.max_operations <= _LONGEST:
        raise UserError(
            f"task.min_operations must be at least 1 and at most task.max_operations, which is at most {_LONGEST},"
            f" got min_operations={config.min_operations} and max_operations={config.max_operations}"
        )
    if not 0.0 <= config.list_rate <= 1.0:
        raise UserError(f"task.list_rate is a share and must lie in 0..1, got {config.list_rate}")
