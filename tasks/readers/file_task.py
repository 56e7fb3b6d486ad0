"""Tasks whose problems stand in a file of rows: splitting, shuffling, duplicates and rows set aside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tasks.answers import AnswerType, AnswerVerifier, is_readable
from tasks.config import TaskConfig
from tasks.errors import DataError, UserError
from tasks.graders.base import Grader, Item, Resources
from tasks.graders.build import load_grader
from tasks.graders.verifier import GraderVerifier
from tasks.overlap import Overlap, overlaps
from tasks.problem import Demonstration, Outcome, Problem, Split, StepOracle, Verifier
from tasks.reader import read_rows
from tasks.readers.fields import MalformedRow, UnusableRow
from tasks.seeding import derive_seed
from tasks.splits import split_of


@dataclass
class FileTaskConfig(TaskConfig):
    """Where the rows are, and how they are split."""

    seed: int = 0  # the order of the problems within a split
    path: str = ""  # JSON lines (.gz too) or parquet; must be given
    held_out_path: str | None = None  # held-out problems come from this file alone; none: a tenth of path
    answer_type: AnswerType | None = None  # how answers are read and compared (docs/verifiers.md); none: number
    tolerance: float = 0.0  # largest difference from the reference that is still correct; numeric answers only
    overlap_n: int = 13  # words of the n-grams that training problems may not share with judged ones; 0: not looked at
    overlap_share: float = 0.5  # a training problem with this share of them in common is set aside
    grader: str | None = None  # a ready grader or a file (docs/graders.md) in place of answer_type and tolerance


ParseRow = Callable[[dict[str, Any]], Demonstration | Problem]
"""Makes a problem, with its solution if the row has one. Raises MalformedRow and UnusableRow."""


class FileTask:
    """The problems of a file, each in the split that its text belongs to.

    ``set_aside`` lists (line number, "FILE: reason") of the rows that were left out: an answer that cannot be read as
    ``answer_type``, a question that came before, or whatever the row parser could not use. The first of equal questions
    is kept; a question of ``held_out_path`` is left out of ``path``. ``overlaps`` lists the training problems that are
    set aside besides, for they share their words with a validation or held-out one.
    """

    oracle: StepOracle | None = None

    def __init__(self, config: FileTaskConfig, parse: ParseRow) -> None:
        _check_overlap(config)
        self.name = config.name
        self._config = config
        self._grader = _grader_of(config)
        self._kind = config.answer_type or AnswerType.NUMBER
        self.verifier: Verifier = AnswerVerifier(self._kind, config.tolerance)
        if self._grader is not None:
            self.verifier = GraderVerifier(self._grader)
        self.set_aside: list[tuple[int, str]] = []
        self._parse = parse
        self._where: dict[str, tuple[Path, int]] = {}  # prompt or id -> the file and line that had it first
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
        return (self._training if split is Split.TRAIN else self._problems[split])[:count]

    @cached_property
    def overlaps(self) -> list[Overlap]:
        """The training problems, in their order, that share too much with one that is judged; by id.

        Worked out when training problems are first asked for: who only verifies does not wait for it.
        """
        judged = {p.id: p.prompt for split in (Split.HELD_OUT, Split.VALIDATION) for p in self._problems[split]}
        texts = {problem.id: problem.prompt for problem in self._problems[Split.TRAIN]}
        n, share = self._config.overlap_n, self._config.overlap_share
        return list(overlaps(texts, judged, n, share)) if n else []

    def overlap_report(self) -> dict[str, Any]:
        """What was compared, and which training problems (with their file and line) are set aside for it."""
        judged = len(self._problems[Split.HELD_OUT]) + len(self._problems[Split.VALIDATION])
        found = [
            {"id": each.name, "at": self._first(each.name), "like": each.other, "share": round(each.share, 4)}
            for each in self.overlaps
        ]
        compared = {"n": self._config.overlap_n, "share": self._config.overlap_share}
        return compared | {"training": len(self._problems[Split.TRAIN]), "judged": judged, "set_aside": found}

    @cached_property
    def _training(self) -> list[Problem]:
        left_out = {each.name for each in self.overlaps}
        return [problem for problem in self._problems[Split.TRAIN] if problem.id not in left_out]

    def demonstrations(self, count: int) -> list[Demonstration]:
        """The file's own solutions of training problems, in the order of ``problems(Split.TRAIN)``.

        Files are small, so these are the very problems that are searched later; held-out ones are never shown.
        """
        train = self.problems(Split.TRAIN, len(self._problems[Split.TRAIN]))
        shown = [Demonstration(found, self._solutions[found.id]) for found in train if found.id in self._solutions]
        return shown[:count]

    def accepts_own(self, problem: Problem) -> bool | None:
        """Whether the grader gives the file's own solution, or answer, a reward; None where there is no grader.

        Not the full reward: an answer alone lacks the form that a grader may ask for besides. True where the file has
        neither.
        """
        if self._grader is None:
            return None
        own = [Item(problem.id, problem.prompt, problem.answer, answer=problem.answer, meta=problem.meta)]
        if problem.id in self._solutions:
            own.append(replace(own[0], completion=self._solutions[problem.id], answer=None))
        verdicts = [self._grader.grade(item) for item in own if item.text]
        return not verdicts or any(v.reward > 0 and v.outcome is not Outcome.ERROR for v in verdicts)

    def _load(self, path: Path) -> list[Problem]:
        problems = []
        for number, row in read_rows(path):
            try:
                problems.append(self._admit(self._parse(row), path, number))
            except MalformedRow as error:
                raise DataError(f"{path}:{number}: {error}; mend or remove the line") from error
            except UnusableRow as error:
                self.set_aside.append((number, f"{path.name}: {error}"))
        if not problems:
            reason = f", the first row set aside: {self.set_aside[-1][1]}" if self.set_aside else ""
            raise DataError(f"{path}: no usable problem in the file{reason}; give a file of problems")
        return problems

    def _admit(self, parsed: Demonstration | Problem, path: Path, line: int) -> Problem:
        problem = parsed.problem if isinstance(parsed, Demonstration) else parsed
        if problem.prompt in self._where:
            raise UnusableRow(f"the same question is at {self._first(problem.prompt, path)}")
        if problem.id in self._where:
            raise MalformedRow(f"the id of {problem.id!r} is taken by {self._first(problem.id, path)}")
        if self._grader is None and not is_readable(problem.answer, self._kind):
            raise UnusableRow(f"the answer {problem.answer[:80]!r} cannot be read as {self._kind.value}")
        self._where[problem.prompt] = self._where[problem.id] = path, line
        if isinstance(parsed, Demonstration):
            self._solutions[problem.id] = parsed.solution
        return problem

    def _first(self, known: str, path: Path | None = None) -> str:
        """Where a prompt or id stood first, as seen from a row of ``path``."""
        first, line = self._where[known]
        return f"line {line}" if first == path else f"line {line} of {first}"


def _grader_of(config: FileTaskConfig) -> Grader | None:
    if not config.grader:
        return None
    for option, value, off in (("answer_type", config.answer_type, None), ("tolerance", config.tolerance, 0.0)):
        if value != off:
            raise UserError(
                f"task.grader={config.grader} judges in place of task.{option}={value}, which would say nothing then; "
                f"leave one of them out (task.{option}={'null' if off is None else off})"
            )
    try:
        return load_grader(config.grader, Resources(config.sandbox))
    except UserError as error:
        raise UserError(f"task.grader: {error}") from error


def _check_overlap(config: FileTaskConfig) -> None:
    if config.overlap_n < 0:
        raise UserError(f"task.overlap_n is a number of words, or 0, got {config.overlap_n}")
    if not 0 < config.overlap_share <= 1:
        raise UserError(f"task.overlap_share must lie above 0 and be at most 1, got {config.overlap_share}")


def _existing(option: str, value: str) -> Path:
    if not value:
        raise UserError(f"task.{option} is empty; give the file of the problems, task.{option}=FILE")
    path = Path(value)
    if not path.is_file():
        raise UserError(f"task.{option}={value}: there is no such file; give the file of the problems")
    return path


def _shuffled(problems: list[Problem], config: FileTaskConfig, split: Split) -> list[Problem]:
    rng = np.random.default_rng(derive_seed(config.name, config.seed, split))
    return [problems[index] for index in rng.permutation(len(problems))]
