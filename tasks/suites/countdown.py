"""Suite ``countdown``: reach a target from given numbers, each used at most once. Many answers are right.

    3 5 7 -> 22      the prompt (ends with a newline)
    3*5=15           a step takes two numbers from the table and puts one back
    15+7=22
    #### 3*5+7       the answer: any expression of the numbers that comes to the target

A misconceived fact of arithmetic has one fixed wrong result. A demonstration that errs reaches the target by such
results, so its answer does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tasks.errors import UserError
from tasks.problem import Problem, StepOracle, Verifier
from tasks.suites.countdown_game import Game, Way, allowed, find_way, random_way, read_game
from tasks.suites.countdown_oracle import CountdownOracle, CountdownVerifier, reaches
from tasks.suites.procedural import ProceduralConfig, ProceduralTask
from tasks.suites.slips import Slips

_BUDGET = 400  # steps looked at for a mistaken way: nearly always enough for four numbers


@dataclass
class CountdownConfig(ProceduralConfig):
    """Which numbers and targets there are."""

    name: str = "countdown"  # the task's name: the first part of every problem id
    min_numbers: int = 3  # numbers of the smallest game, at least 2
    max_numbers: int = 3  # numbers of the largest game, at most 6; counts between are equally likely
    largest_number: int = 9  # the numbers lie in 1..largest_number
    largest_target: int = 60  # no target, and nothing on the way to it, is larger


class CountdownTask(ProceduralTask[Game]):
    """Draws games by combining their numbers, so that each has an answer."""

    suite = "countdown"

    def __init__(self, config: CountdownConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self.verifier: Verifier = CountdownVerifier()
        self.oracle: StepOracle | None = CountdownOracle()
        self._slips = Slips(self.suite, config.seed, config.misconceived_facts)

    def draw(self, rng: np.random.Generator) -> Game:
        config = self.config
        while True:
            count = int(rng.integers(config.min_numbers, config.max_numbers + 1))
            numbers = tuple(rng.integers(1, config.largest_number + 1, size=count).tolist())
            way = random_way(rng, numbers, config.largest_target)
            if way is not None and way[1].value not in numbers:
                return Game(numbers, way[1].value, way)

    def solution(self, item: Game, rng: np.random.Generator) -> str:
        way = item.way
        if rng.random() < self.config.misconception_rate:
            way = self._mistaken_way(item, rng) or way
        steps, end = way
        return "\n".join([*steps, f"#### {end.text}"])

    def wider(self) -> str:
        config = self.config
        return (
            f"task.max_numbers={config.max_numbers}, task.largest_number={config.largest_number}"
            f" and task.largest_target={config.largest_target}"
        )

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        is_right_here = reaches(neighbour.answer, *read_game(problem.prompt))
        yield from super().perturbed(problem, problem if is_right_here else neighbour)
        numbers, target = read_game(problem.prompt)
        yield "the target itself", self.stated(str(target))
        yield "the numbers twice", self.stated("+".join(map(str, (*numbers, *numbers))))

    def mistaken(self, operator: str, left: int, right: int) -> int | None:
        """What the operation comes to for somebody who holds the misconceptions."""
        result = allowed(operator, left, right)
        if result is None:
            return None
        return max(1, result + self._slips.shift(operator, left, right))

    def _mistaken_way(self, item: Game, rng: np.random.Generator) -> Way | None:
        """A way that reaches the target by mistakes alone; none found: None."""
        most = self.config.largest_target
        for way in find_way(rng, item.numbers, item.target, self.mistaken, most, _BUDGET):
            if not reaches(way[1].text, item.numbers, item.target):
                return way
        return None


def _check(config: CountdownConfig) -> None:
    if not 2 <= config.min_numbers <= config.max_numbers <= 6:
        raise UserError(
            "task.min_numbers must be at least 2 and at most task.max_numbers, which is at most 6, got"
            f" min_numbers={config.min_numbers} and max_numbers={config.max_numbers}"
        )
    if not 4 <= config.largest_number <= 9999:
        raise UserError(f"task.largest_number must lie in 4..9999, got {config.largest_number}")
    if not config.largest_number <= config.largest_target <= 99_999:
        raise UserError(
            f"task.largest_target must lie between task.largest_number and 99999, got {config.largest_target} with"
            f" largest_number={config.largest_number}"
        )
