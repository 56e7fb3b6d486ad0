"""What procedural suites share: problems drawn by seed, distinct, split by their text, with demonstrations.

A suite derives ``ProceduralTask`` and says how one item is drawn, and how its worked solution is written.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np

from tasks.config import StepFormat, TaskConfig
from tasks.errors import UserError
from tasks.problem import Demonstration, Problem, Split, StepOracle, Verifier
from tasks.seeding import derive_seed
from tasks.splits import split_of
from tasks.suites.perturbations import perturbations

# A split of 10 % refuses nine draws of ten; so many refusals in a row mean that hardly anything new is left.
_MAX_REFUSALS = 20_000


@dataclass
class ProceduralConfig(TaskConfig):
    """Which problems are drawn, and how often demonstrations err."""

    seed: int = 0  # which problems are drawn, and which misconceptions there are
    misconceived_facts: float = 0.25  # share of the suite's facts (docs/tasks.md) with one fixed mistake each
    misconception_rate: float = 0.7  # how often a demonstration shows the mistake where a misconceived fact occurs


class Item(Protocol):
    """A drawn problem in the suite's own form."""

    @property
    def prompt(self) -> str:
        """The problem as text; it ends with a newline."""
        ...

    @property
    def answer(self) -> str:
        """A right answer, as a solution states it."""
        ...

    @property
    def level(self) -> int:
        """How hard it is: problems of one level are neighbours."""
        ...


ItemT = TypeVar("ItemT", bound=Item)
FactT = TypeVar("FactT", bound=Hashable)


class ProceduralTask(ABC, Generic[ItemT]):
    """Draws items by seed. A space that is too small for a request is a UserError."""

    suite: ClassVar[str]  # part of every derived seed, so suites draw apart whatever their tasks are called
    knows_code: ClassVar[bool] = False  # whether there are worked solutions for step_format=code
    verifier: Verifier
    oracle: StepOracle | None

    def __init__(self, config: ProceduralConfig) -> None:
        for option in ("misconceived_facts", "misconception_rate"):
            share = getattr(config, option)
            if not 0.0 <= share <= 1.0:
                raise UserError(f"task.{option} is a share and must lie in 0..1, got {share}")
        if config.step_format is StepFormat.CODE and not self.knows_code:
            raise UserError(f"step_format=code: suite {self.suite} is worked in text; take task=wordmath, or text")
        self.name = config.name
        self._base = config

    @abstractmethod
    def draw(self, rng: np.random.Generator) -> ItemT:
        """One item, of any split; it may equal an earlier one."""

    @abstractmethod
    def solution(self, item: ItemT, rng: np.random.Generator) -> str:
        """A worked solution, with the misconceptions that ``rng`` makes it show."""

    def wider(self) -> str:
        """Which options leave how little, for the sentence that tells of a space that is too small."""
        return "task's options"

    def stated(self, answer: str) -> str:
        """The end of a solution that gives this answer."""
        return f"#### {answer}"

    def steps(self, solution: str) -> list[str]:
        """The steps of a solution, as the oracle takes them."""
        return solution.split("\n")

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        """Pairs (kind, end of a solution) of which none may score: the problem's answer made wrong."""
        for kind, answer in perturbations(problem.answer, neighbour.answer):
            yield kind, self.stated(answer)
        yield "two answers", f"{self.stated(problem.answer)}\n{self.stated(f'1{problem.answer}')}"

    def problems(self, split: Split, count: int) -> list[Problem]:
        """The first ``count`` distinct problems of a split; asking for more gives the same first ones."""
        drawn = enumerate(self._distinct(split, split, count))
        return [self._problem(item, f"{split}-{index}") for index, item in drawn]

    def demonstrations(self, count: int) -> list[Demonstration]:
        """Worked solutions with systematic misconceptions.

        Their problems come from a stream of their own. They are of the train split, so none is a validation or
        held-out problem; one may by chance equal a problem of ``problems(Split.TRAIN)``.
        """
        rng = self.stream("slips")
        drawn = enumerate(self._distinct("demonstrations", Split.TRAIN, count))
        return [
            Demonstration(self._problem(item, f"demonstration-{index}"), self.solution(item, rng))
            for index, item in drawn
        ]

    def flawless(self) -> Self:
        """The same task, whose demonstrations have no misconceptions."""
        return type(self)(replace(self._base, misconception_rate=0.0))

    def stream(self, *names: str) -> np.random.Generator:
        """A source of draws that no other name shares."""
        return np.random.default_rng(derive_seed(self.suite, self._base.seed, *names))

    def _problem(self, item: ItemT, local: str) -> Problem:
        return Problem(f"{self.name}/{self._base.seed}/{local}", item.prompt, item.answer, {"level": item.level})

    def _distinct(self, stream: str, split: Split, count: int) -> Iterator[ItemT]:
        if count < 0:
            raise ValueError(f"count must not be negative, got {count}")
        rng = self.stream(stream)
        seen: set[str] = set()
        refusals = 0
        while len(seen) < count:
            item = self.draw(rng)
            prompt = item.prompt
            if prompt not in seen and split_of(prompt) is split:
                seen.add(prompt)
                refusals = 0
                yield item
            elif (refusals := refusals + 1) > _MAX_REFUSALS:
                raise UserError(
                    f"{self.wider()} leave only {len(seen)} distinct {split} problems within reach, but {count} are"
                    " asked for; raise them, or ask for fewer"
                )


def chosen_facts(rng: np.random.Generator, facts: Sequence[FactT], share: float, mistakes: int) -> dict[FactT, int]:
    """The misconceived facts, each with the number (1..mistakes) of its one mistake.

    A larger share contains the smaller one.
    """
    order = rng.permutation(len(facts)).tolist()
    numbers = rng.integers(1, mistakes + 1, size=len(facts)).tolist()
    return {facts[index]: numbers[index] for index in order[: round(share * len(facts))]}
