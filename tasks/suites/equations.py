"""Suite ``equations``: systems of linear equations, solved by elimination with exact fractions.

    2x+3y=8, x-y=-1      the prompt (ends with a newline); its equations are called A and B
    C=A-2B: 5y=10        a step names the combination, and states what it comes to
    D=C/5: y=2
    E=B+D: x=1
    #### x=1, y=2        the answer

A misconceived product has one fixed wrong result; a demonstration that uses it goes on from what it stated.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tasks.errors import UserError
from tasks.problem import StepOracle, Verifier
from tasks.suites.equations_elimination import Elimination
from tasks.suites.equations_oracle import EquationsOracle, EquationsVerifier
from tasks.suites.equations_system import UNKNOWNS, Equation, solve, write_values
from tasks.suites.procedural import ProceduralConfig, ProceduralTask
from tasks.suites.slips import Slips


@dataclass
class EquationsConfig(ProceduralConfig):
    """Which systems there are."""

    name: str = "equations"  # the task's name: the first part of every problem id
    min_unknowns: int = 2  # unknowns of the smallest system, at least 2
    max_unknowns: int = 2  # unknowns of the largest system, at most 3; counts between are equally likely
    largest_coefficient: int = 4  # the coefficients lie in -largest_coefficient..largest_coefficient; none is 0
    largest_value: int = 9  # the unknowns' values lie in -largest_value..largest_value
    whole: bool = True  # the values are whole numbers; false: any fractions that the equations happen to give


@dataclass(frozen=True, slots=True)
class System:
    """A problem: its equations, and their one solution."""

    equations: tuple[Equation, ...]
    values: tuple[Fraction, ...]

    @property
    def prompt(self) -> str:
        """The problem as text; it ends with its only newline."""
        return ", ".join(equation.text for equation in self.equations) + "\n"

    @property
    def answer(self) -> str:
        """The values by name."""
        return write_values(self.values)

    @property
    def level(self) -> int:
        """The number of unknowns."""
        return len(self.values)


class EquationsTask(ProceduralTask[System]):
    """Draws systems that have exactly one solution."""

    suite = "equations"

    def __init__(self, config: EquationsConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self.verifier: Verifier = EquationsVerifier()
        self.oracle: StepOracle | None = EquationsOracle()
        self._slips = Slips(self.suite, config.seed, config.misconceived_facts)

    def draw(self, rng: np.random.Generator) -> System:
        config = self.config
        while True:
            unknowns = int(rng.integers(config.min_unknowns, config.max_unknowns + 1))
            signs = rng.choice([-1, 1], size=(unknowns, unknowns))
            rows = rng.integers(1, config.largest_coefficient + 1, size=(unknowns, unknowns)) * signs
            drawn = rng.integers(-config.largest_value, config.largest_value + 1, size=unknowns)
            rights = rows @ drawn if config.whole else drawn
            equations = tuple(
                Equation(tuple(map(Fraction, row)), Fraction(right))
                for row, right in zip(rows.tolist(), rights.tolist(), strict=True)
            )
            values = solve(equations)
            if values is not None and all(abs(value) <= config.largest_value for value in values):
                return System(equations, values)

    def solution(self, item: System, rng: np.random.Generator) -> str:
        shown = Elimination(item.equations, self._slips, self.config.misconception_rate, rng).run()
        return shown or Elimination(item.equations, self._slips, 0.0, rng).run()

    def wider(self) -> str:
        config = self.config
        return (
            f"task.max_unknowns={config.max_unknowns}, task.largest_coefficient={config.largest_coefficient}"
            f" and task.largest_value={config.largest_value}"
        )


def _check(config: EquationsConfig) -> None:
    if not 2 <= config.min_unknowns <= config.max_unknowns <= len(UNKNOWNS):
        raise UserError(
            f"task.min_unknowns must be at least 2 and at most task.max_unknowns, which is at most {len(UNKNOWNS)}, got"
            f" min_unknowns={config.min_unknowns} and max_unknowns={config.max_unknowns}"
        )
    for option, most in (("largest_coefficient", 12), ("largest_value", 999)):
        if not 2 <= getattr(config, option) <= most:
            raise UserError(f"task.{option} must lie in 2..{most}, got {getattr(config, option)}")
