"""Proves that a task's verifier accepts what is right and nothing near it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tasks.answers.number import read_plain
from tasks.problem import Demonstration, Outcome, Problem, Split, Task
from tasks.registry import stated
from tasks.suites.code_format import CodeVerifier, without_observations
from tasks.suites.perturbations import perturbations
from tasks.suites.procedural import ProceduralTask

GOLD = "own answers score 1"
WORKED = "flawless worked solutions score 1"
FOLLOWED = "the oracle finds no error in them"
AGREED = "demonstrations without an error score 1"
DISJOINT = "each problem is in one split, once"
_KEPT = 5  # failures told of each check


@dataclass
class Check:
    """One kind of thing that must hold: how often it was tried, and where it did not hold."""

    tried: int = 0
    failed: int = 0
    examples: list[str] = field(default_factory=list)  # the first failures, a sentence each

    def note(self, holds: bool, example: str) -> None:
        """Count one trial."""
        self.tried += 1
        self.failed += not holds
        if not holds and len(self.examples) < _KEPT:
            self.examples.append(example)


Checks = dict[str, Check]


def prove(task: Task, count: int) -> Checks:
    """Try the first ``count`` problems of each split and as many worked solutions.

    Every own answer must score 1, every perturbed one 0 without an error of the verifier; worked solutions without
    misconceptions must score 1 and be right step by step; and where the oracle finds no error, the solution must score.
    """
    checks: Checks = {}
    problems = [problem for split in Split for problem in task.problems(split, count)]
    times = Counter(problem.prompt for problem in problems)
    for problem in problems:
        _check(checks, DISJOINT).note(times[problem.prompt] == 1, f"{problem.id}: {problem.prompt!r:.100} comes again")
    for problem, neighbour in zip(problems, [*problems[1:], *problems[:1]], strict=True):
        _note_verdict(checks, GOLD, task, problem, stated(task, problem.answer), is_right=True)
        for kind, solution in _perturbed(task, problem, neighbour):
            _note_verdict(checks, f"{kind}: scores 0", task, problem, solution, is_right=False)
    _check_demonstrations(checks, task, count)
    return checks


def _check_demonstrations(checks: Checks, task: Task, count: int) -> None:
    flawless = task.flawless() if isinstance(task, ProceduralTask) else task
    for shown in flawless.demonstrations(count):
        _note_verdict(checks, WORKED, task, shown.problem, _own_words(task, shown), is_right=True)
        if task.oracle is not None:
            labels = task.oracle.step_labels(shown.problem, _steps(task, shown))
            _check(checks, FOLLOWED).note(all(labels), f"{shown.problem.id}: {shown.solution!r:.200} -> {labels}")
    if task.oracle is None:
        return
    for shown in task.demonstrations(count):
        if task.oracle.first_error(shown.problem, _steps(task, shown)) == -1:
            _note_verdict(checks, AGREED, task, shown.problem, _own_words(task, shown), is_right=True)


def _own_words(task: Task, shown: Demonstration) -> str:
    """As a verifier is given a solution: without what its code printed."""
    return without_observations(shown.solution) if isinstance(task.verifier, CodeVerifier) else shown.solution


def _note_verdict(checks: Checks, kind: str, task: Task, problem: Problem, solution: str, *, is_right: bool) -> None:
    verdict = task.verifier.verify(problem, solution)
    holds = verdict.reward == float(is_right) and verdict.outcome is not Outcome.ERROR
    example = f"{problem.id}: {solution!r:.200} is {verdict.outcome}, reward {verdict.reward:g}"
    _check(checks, kind).note(holds, example)


def _check(checks: Checks, kind: str) -> Check:
    return checks.setdefault(kind, Check())


def _perturbed(task: Task, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
    if isinstance(task, ProceduralTask):
        yield from task.perturbed(problem, neighbour)
        return
    own, other = read_plain(problem.answer), read_plain(neighbour.answer)
    for kind, answer in perturbations(
        problem.answer, problem.answer if own is not None and own == other else neighbour.answer
    ):
        yield kind, stated(task, answer)


def _steps(task: Task, shown: Demonstration) -> Sequence[str]:
    return task.steps(shown.solution) if isinstance(task, ProceduralTask) else shown.solution.split("\n")
