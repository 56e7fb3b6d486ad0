from __future__ import annotations

import math

import pytest

import evolve.search_stage
from evolve.search_stage import search_group
from evolve.work import SearchWork
from mcts.config import Mode
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.fault import FaultConfig, FaultyVerifier, with_faults
from tasks.problem import Outcome, Problem, Verdict
from tasks.registry import build_task
from tasks.suites.chain import ChainConfig

PROBLEM = Problem("p/0", "?", "1")
N = 20_000


class ByWord:
    """Says what the solution says."""

    def verify(self, problem, solution):
        outcome = Outcome(solution.split()[0])
        return Verdict(outcome, float(outcome is Outcome.CORRECT), {"part": 0.5})


def share(verifier, word, wanted, problem=PROBLEM):
    return sum(verifier.verify(problem, f"{word} {index}").outcome is wanted for index in range(N)) / N


@pytest.mark.parametrize(("positive", "negative"), [(0.1, 0.05), (0.0, 0.5), (1.0, 0.0), (0.02, 1.0)])
def test_measured_rates_are_those_asked_for(positive, negative):
    verifier = FaultyVerifier(ByWord(), FaultConfig(positive, negative, seed=3))
    for rate, word, wanted in [(positive, "wrong", Outcome.CORRECT), (negative, "correct", Outcome.WRONG)]:
        margin = 4 * math.sqrt(rate * (1 - rate) / N)  # four standard errors
        assert abs(share(verifier, word, wanted) - rate) <= margin


def test_a_fault_depends_on_seed_problem_and_solution_alone():
    def faults(seed, problem):
        verifier = FaultyVerifier(ByWord(), FaultConfig(0.5, 0.0, seed))
        return [verifier.verify(problem, f"wrong {index}").reward for index in range(200)]

    other = Problem("p/1", "?", "1")
    assert faults(0, PROBLEM) == faults(0, PROBLEM)
    assert faults(0, PROBLEM) != faults(1, PROBLEM)
    assert faults(0, PROBLEM) != faults(0, other)


def test_what_was_not_decided_stays_so():
    verifier = FaultyVerifier(ByWord(), FaultConfig(1.0, 1.0))
    for word in ("unverifiable", "error"):
        assert share(verifier, word, Outcome(word)) == 1
    flipped = verifier.verify(PROBLEM, "wrong 1")
    assert (flipped.outcome, flipped.reward, flipped.parts) == (Outcome.CORRECT, 1.0, {"part": 0.5})
    assert "on purpose" in flipped.note


def test_without_rates_nothing_is_wrapped():
    verifier = ByWord()
    assert with_faults(verifier, FaultConfig()) is verifier
    assert isinstance(with_faults(verifier, FaultConfig(0.1)), FaultyVerifier)
    assert TaskConfig("any").fault == FaultConfig()


def test_a_tasks_own_verifier_is_the_true_one():
    """Evaluation asks that one."""
    assert not isinstance(build_task(ChainConfig(fault=FaultConfig(1.0, 1.0))).verifier, FaultyVerifier)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_lies_between_0_and_1(rate):
    with pytest.raises(UserError, match=r"task\.fault.false_positive must lie between 0 and 1"):
        FaultConfig(rate)


class Reached(Exception):
    """Carries the verifier that a search was given."""


def test_searches_learn_from_the_faulty_verifier(monkeypatch, tmp_path):
    def caught(problem, config, seed, verifier):
        raise Reached(verifier)

    class Sampler:
        def proposer(self, *arguments):
            return None

    monkeypatch.setattr(evolve.search_stage, "load_sampler", lambda *arguments: Sampler())
    monkeypatch.setattr(evolve.search_stage, "Search", caught)
    for rate, kind in ((0.5, True), (0.0, False)):
        config = ChainConfig(fault=FaultConfig(false_positive=rate))
        with pytest.raises(Reached) as reached:
            search_group(lambda *_: None, search_work(config, tmp_path), [PROBLEM], tmp_path / "x")
        assert isinstance(reached.value.args[0], FaultyVerifier) is kind


def search_work(task, folder):
    from evolve.config import GroupSearchConfig
    from policy.config import EngineConfig, PolicyConfig

    search = GroupSearchConfig(mode=Mode.TERMINAL_GUIDED)
    return SearchWork(task, PolicyConfig(), EngineConfig(), search, folder, None, 0)
