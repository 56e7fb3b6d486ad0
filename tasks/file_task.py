"""Tasks whose problems stand in a JSON-lines file: splitting, shuffling, duplicates and rows set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tasks.config import TaskConfig
from tasks.errors import DataError, UserError
from tasks.numeric import NumericVerifier, read_number
from tasks.problem import Demonstration, Problem, Split, StepOracle, Verifier
from tasks.reader import read_rows
from tasks.seeding import derive_seed
from tasks.splits import split_of


@dataclass
class FileTaskConfig(TaskConfig):
    """Where the rows are, and how they are split."""

    seed: int = 0  # the order of the problems within a split
    path: str = ""  # JSON lines (.gz too); must be given
    held_out_path: str | None = None  # held-out problems come from this file alone; none: a tenth of path


class MalformedRow(Exception):
    """A row that breaks the format: what is wrong with it. Loading stops."""


class UnusableRow(Exception):
    """A row that is well formed but cannot be used: why. It is counted and set aside."""


ParseRow = Callable[[dict[str, Any]], Demonstration | Problem]
"""Makes a problem, with its solution if the row has one. Raises MalformedRow and UnusableRow."""


class FileTask:
    """The problems of a file, each in the split that its text belongs to.

    ``set_aside`` lists (line number, "FILE: reason") of the rows that were left out: an answer that is no number, a
    question that came before, or whatever the row parser could not use. The first of equal questions is kept; a
    question of ``held_out_path`` is left out of ``path``.
    """

    oracle: StepOracle | None = None

    def __init__(self, config: FileTaskConfig, parse: ParseRow) -> None:
        self.name = config.name
        self.verifier: Verifier = NumericVerifier()
        self.set_aside: list[tuple[int, str]] = []
        self._parse = parse
        self._where: dict[str, str] = {}  # prompt or id -> the file and line that had it first
        self._solutions: dict[str, str] = {}  # by problem id
        by_split: dict[Split, list[Problem]] = {split: [] for split in Split}
        if config.held_out_path is not None:
            by_split[Split.HELD_OUT] = self._load(_existing("held_out_path", config.held_out_path))
        for problem in self._load(_existing("path", config.path)):
            split = split_of(problem.prompt)
            if split is Split.HELD_OUT and config.held_out_path is not None:
                split = Split.TRAIN
            by_split[split].append(problem)
        self._problems = {split: _shuffled(found, config, split) for split, found in by_split.items()}

    def problems(self, split: Split, count: int) -> list[Problem]:
        """The first ``count`` problems of a split; all it has if that is fewer."""
        if count < 0:
            raise ValueError(f"count must not be negative, got {count}")
        return self._problems[split][:count]

    def demonstrations(self, count: int) -> list[Demonstration]:
        """The file's own solutions of training problems, in the order of ``problems(Split.TRAIN)``.

        Files are small, so these are the very problems that are searched later; held-out ones are never shown.
        """
        train = self.problems(Split.TRAIN, len(self._problems[Split.TRAIN]))
        shown = [Demonstration(found, self._solutions[found.id]) for found in train if found.id in self._solutions]
        return shown[:count]

    def _load(self, path: Path) -> list[Problem]:
        problems = []
        for number, row in read_rows(path):
            try:
                problems.append(self._admit(self._parse(row), f"{path}:{number}"))
            except MalformedRow as error:
                raise DataError(f"{path}:{number}: {error}; mend or remove the line") from error
            except UnusableRow as error:
                self.set_aside.append((number, f"{path.name}: {error}"))
        if not problems:
            reason = f", the first row set aside: {self.set_aside[-1][1]}" if self.set_aside else ""
            raise DataError(f"{path}: no usable problem in the file{reason}; give a file of problems")
        return problems

    def _admit(self, parsed: Demonstration | Problem, where: str) -> Problem:
        problem = parsed.problem if isinstance(parsed, Demonstration) else parsed
        if problem.prompt in self._where:
            raise UnusableRow(f"the same question is at {self._where[problem.prompt]}")
        if problem.id in self._where:
            raise MalformedRow(f"the id of {problem.id!r} is taken by {self._where[problem.id]}")
        if read_number(problem.answer) is None:
            raise UnusableRow(f"the answer {problem.answer[:80]!r} cannot be read as a number")
        self._where[problem.prompt] = self._where[problem.id] = where
        if isinstance(parsed, Demonstration):
            self._solutions[problem.id] = parsed.solution
        return problem


def text_of(row: dict[str, Any], field: str) -> str:
    """A field that must be a text with something in it, without outer spaces. Raises MalformedRow."""
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        found = "is missing" if field not in row else f"is {str(value)[:80]!r}"
        raise MalformedRow(f"the field {field!r} must be a text, but it {found}")
    return value.strip()


def _existing(option: str, value: str) -> Path:
    if not value:
        raise UserError(f"task.{option} is empty; give the JSON-lines file of the problems, task.{option}=FILE")
    path = Path(value)
    if not path.is_file():
        raise UserError(f"task.{option}={value}: there is no such file; give the JSON-lines file of the problems")
    return path


def _shuffled(problems: list[Problem], config: FileTaskConfig, split: Split) -> list[Problem]:
    rng = np.random.default_rng(derive_seed(config.name, config.seed, split))
    return [problems[index] for index in rng.permutation(len(problems))]
