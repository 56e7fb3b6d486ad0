from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest

from tasks.answers import read_final_answer
from tasks.problem import Outcome, Split, Verdict
from tasks.readers.gsm8k import Gsm8kConfig
from tasks.registry import TASK_CONFIGS, build_task
from tasks.suites.chain import ChainConfig, ChainTask
from tasks.suites.countdown import CountdownConfig
from tasks.validation import AGREED, DISJOINT, FOLLOWED, GOLD, WORKED, prove

SHIPPED = str(Path(__file__).parents[1] / "data" / "gsm8k_shaped.jsonl")


class Lenient:
    """Accepts an answer that is near, that holds the right one somewhere, or that has the wrong sign."""

    def verify(self, problem, solution):
        answer = read_final_answer(solution) or ""
        try:
            is_right = abs(abs(Fraction(answer[:50])) - abs(Fraction(problem.answer))) <= 1
        except ValueError:
            is_right = problem.answer in answer.split()
        return Verdict(Outcome.CORRECT if is_right else Outcome.WRONG, float(is_right))


class Strict:
    def verify(self, problem, solution):
        return Verdict(Outcome.WRONG, 0.0)


class Broken:
    def verify(self, problem, solution):
        is_right = solution.endswith(f"#### {problem.answer}")
        return Verdict(Outcome.CORRECT, 1.0) if is_right else Verdict(Outcome.ERROR, 0.0)


class Blind:
    def step_labels(self, problem, steps):
        return [True] * len(steps)

    def first_error(self, problem, steps):
        return -1


def failed(task) -> set[str]:
    return {kind.removesuffix(": scores 0") for kind, check in prove(task, 40).items() if check.failed}


def with_verifier(verifier):
    task = ChainTask(ChainConfig(misconception_rate=0.0, modulus=30))
    task.verifier = verifier
    # The flawless twin is made from the configuration, so it judges with the true verifier.
    task.flawless = lambda: task
    return task


def test_an_exact_task_passes_every_check():
    checks = prove(ChainTask(ChainConfig()), 40)
    assert failed(ChainTask(ChainConfig())) == set()
    assert checks[GOLD].tried == checks[DISJOINT].tried == 120
    assert checks[WORKED].tried == checks[FOLLOWED].tried == 40
    assert 0 < checks[AGREED].tried < 40


@pytest.mark.parametrize(
    ("verifier", "found"),
    [
        (Lenient(), {"off by one", "sign", "hedged"}),
        (Strict(), {GOLD, WORKED, AGREED}),
        (Broken(), {"off by one", "next digit", "sign", "neighbour's", "hedged", "empty", "huge", "huge power"}),
    ],
)
def test_an_inexact_verifier_is_found_out(verifier, found):
    assert found <= failed(with_verifier(verifier))


def test_an_oracle_that_overlooks_errors_is_found_out():
    task = ChainTask(ChainConfig())
    task.oracle = Blind()
    assert failed(task) == {AGREED}


def test_a_problem_in_two_splits_is_found_out():
    task = ChainTask(ChainConfig())
    first = task.problems
    task.problems = lambda split, count: first(Split.TRAIN, count)
    assert failed(task) == {DISJOINT}


def test_failures_come_with_a_few_examples():
    check = prove(with_verifier(Strict()), 40)[GOLD]
    assert (check.tried, check.failed, len(check.examples)) == (120, 120, 5)
    assert "is wrong, reward 0" in check.examples[0]


def test_tasks_of_files_are_checked_too():
    checks = prove(build_task(Gsm8kConfig(path=SHIPPED)), 20)
    assert not any(check.failed for check in checks.values())
    assert FOLLOWED not in checks
    assert checks["neighbour's: scores 0"].tried > 20


def test_many_right_answers_do_not_confuse_the_check():
    """The neighbour's expression may be right here too; then it is not tried."""
    config = CountdownConfig(largest_number=5, largest_target=8)
    checks = prove(build_task(config), 25)
    assert not any(check.failed for check in checks.values())
    assert checks["neighbour's: scores 0"].tried < checks[GOLD].tried


def test_a_saved_configuration_tells_which_task_it_is_of():
    """evolve.saved_config goes by the names of the fields."""
    names = [frozenset(field.name for field in fields(schema)) for schema in TASK_CONFIGS.values()]
    assert len(set(names)) == len(names)
