"""The nouns of floor 0: a problem, the verdict on a solution, and who gives it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tasks.options import Option

if TYPE_CHECKING:  # the doctor reads the names of splits on a Python without NumPy
    import numpy as np


class Split(Option):
    """Which part of a task a problem belongs to. The three are disjoint for every seed."""

    TRAIN = "train"
    VALIDATION = "validation"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its reference answer.

    ``id`` is ``suite/seed/index`` or a content hash; ``meta`` is JSON-able and may hold ``level``
    (an int: problems of one level are neighbours).
    """

    id: str
    prompt: str
    answer: str
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A worked solution shown to the policy at cold start. It may be wrong on purpose."""

    problem: Problem
    solution: str


class Outcome(StrEnum):
    """What a verifier found. ``unverifiable`` (could not be read) is never merged with ``wrong``."""

    CORRECT = "correct"
    WRONG = "wrong"
    UNVERIFIABLE = "unverifiable"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verifier's finding: ``reward`` in [0, 1], ``parts`` by grader, ``note`` for people."""

    outcome: Outcome
    reward: float
    parts: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.reward <= 1.0:  # also refuses NaN
            raise ValueError(f"Verdict.reward must lie in [0, 1], got {self.reward!r}")


class Verifier(Protocol):
    """Judges a whole solution against the problem's answer. Ground truth: never given to inference."""

    def verify(self, problem: Problem, solution: str) -> Verdict: ...


@runtime_checkable
class KnowsAnswers(Protocol):
    """A verifier that can tell which solutions answer alike without the right answer: what votes count by."""

    def answer_key(self, problem: Problem, solution: str) -> Hashable | None:
        """The same for solutions whose answers are equal; None for one without an answer that can be read."""
        ...


class StepOracle(Protocol):
    """Exact truth about single steps, for evaluation only: never an input of training."""

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """For each step: does it follow correctly from what was stated before it?"""
        ...

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        ...


VARIED_FROM = "varied_from"
"""Where the ``meta`` of a problem made of another one says which that was, by id."""


@runtime_checkable
class VariesProblems(Protocol):
    """A task that makes new problems of old ones, with exact answers."""

    def vary(self, problem: Problem, rng: np.random.Generator) -> Problem | None:
        """A training problem like this one, whose meta says what it was ``varied_from``; None if none was found."""
        ...


class Task(Protocol):
    """A source of problems with its verifier. Same arguments, same problems, in the same order."""

    @property
    def name(self) -> str: ...
    @property
    def verifier(self) -> Verifier: ...
    @property
    def oracle(self) -> StepOracle | None: ...

    def problems(self, split: Split, count: int) -> list[Problem]:
        """The first ``count`` problems of a split; a file-backed task may hold fewer."""
        ...

    def demonstrations(self, count: int) -> list[Demonstration]:
        """Worked solutions of training problems, for the cold start."""
        ...
