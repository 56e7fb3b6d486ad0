"""reasoning-gym's data sets as tasks, with a stand-in, and the real library where it is installed."""

from __future__ import annotations

import sys

import pytest

from tasks.errors import UserError
from tasks.problem import Outcome, Split
from tasks.readers import gym
from tasks.readers.gym import ReasoningGymConfig, ReasoningGymTask
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier
from tasks.splits import split_of


class Library:
    """A data set of sums, whose scorer gives a wrong answer half a point."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __getitem__(self, index: int) -> dict:
        return {"question": f"{self.seed} + {index}?", "answer": str(self.seed + index), "metadata": {}}


@pytest.fixture
def library(monkeypatch):
    def create_dataset(name, seed, size, **options):
        if name != "sums":
            raise ValueError(f"Dataset '{name}' not registered")
        return Library(seed)

    module = type(sys)("reasoning_gym")
    module.create_dataset = create_dataset
    monkeypatch.setitem(sys.modules, "reasoning_gym", module)


@pytest.fixture
def scored(monkeypatch):
    """What the sandbox says next."""
    said = []

    class Fake:
        def run(self, cells, stdin=""):
            outcome, stdout = said.pop(0)
            return Execution(outcome, stdout, "ValueError: x", 0.0, Tier.OFF)

    monkeypatch.setattr(gym, "open_sandbox", lambda tier, library: Fake())
    return said


def test_problems_are_distinct_of_their_split_and_far_from_other_seeds(library):
    ours, theirs = (ReasoningGymTask(ReasoningGymConfig(dataset="sums", seed=seed)) for seed in (0, 1))
    for split in Split:
        found = ours.problems(split, 20)
        assert len({problem.prompt for problem in found}) == 20
        assert {split_of(problem.prompt) for problem in found} == {split}
        assert ours.problems(split, 5) == found[:5]
    assert not {p.prompt for p in ours.problems(Split.TRAIN, 20)} & {p.prompt for p in theirs.problems(Split.TRAIN, 20)}
    (shown,) = ours.demonstrations(1)
    assert ours.verifier.verify(shown.problem, shown.solution).outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ((ExecutionOutcome.OK, "1.0\n"), Outcome.CORRECT),
        ((ExecutionOutcome.OK, "0.5\n"), Outcome.WRONG),  # partial credit is none
        ((ExecutionOutcome.ERROR, ""), Outcome.UNVERIFIABLE),
        ((ExecutionOutcome.TIMEOUT, ""), Outcome.UNVERIFIABLE),
        ((ExecutionOutcome.KILLED, ""), Outcome.ERROR),
    ],
)
def test_another_answer_is_what_the_library_says_in_the_sandbox(library, scored, said, outcome):
    task = ReasoningGymTask(ReasoningGymConfig(dataset="sums"))
    (problem,) = task.problems(Split.TRAIN, 1)
    scored.append(said)
    assert task.verifier.verify(problem, "#### 7").outcome is outcome
    assert scored == []
    assert task.verifier.verify(problem, "no answer").outcome is Outcome.UNVERIFIABLE


def test_what_a_user_got_wrong_is_one_sentence(library, monkeypatch):
    with pytest.raises(UserError, match=r"task\.dataset=sum with task\.options=\{\}: ValueError: Dataset 'sum' not"):
        ReasoningGymTask(ReasoningGymConfig(dataset="sum"))
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(UserError, match=r"treeward\[tasks\]"):
        ReasoningGymTask(ReasoningGymConfig())


FORGED = (
    "exec(\"import os\\nfor d in (1,4):\\n  try: os.write(d,b'1.0')\\n  except OSError: pass\\n"
    "n=os.read(5,16);os.write(5,n+b'o');os._exit(0)\")"
)
"""Says that its score is 1 and that the program ended well, wherever it is evaluated."""


@pytest.mark.parametrize(
    "answer", [FORGED, "__import__('os')", "().__class__", "open('x')", "[x for x in y]", "f(1)\nimport os", "9" * 5000]
)
def test_an_answer_with_code_is_not_evaluated(library, scored, answer):
    verifier = gym.ReasoningGymVerifier(ReasoningGymConfig(dataset="sums"), evaluates=True)
    problem = ReasoningGymTask(ReasoningGymConfig(dataset="sums")).problems(Split.TRAIN, 1)[0]
    assert verifier.verify(problem, f"\\boxed{{{answer}}}").outcome is Outcome.UNVERIFIABLE  # and nobody was asked


@pytest.mark.parametrize("answer", ["3*(4 - 1)/2", "2*x**3 + sin(x)/4.5 + C", "[['Q', '_'], [1, -2]]", "log(x)^2"])
def test_arithmetic_is_evaluated(library, scored, answer):
    verifier = gym.ReasoningGymVerifier(ReasoningGymConfig(dataset="sums"), evaluates=True)
    problem = ReasoningGymTask(ReasoningGymConfig(dataset="sums")).problems(Split.TRAIN, 1)[0]
    scored.append((ExecutionOutcome.OK, "1.0"))
    assert verifier.verify(problem, f"#### {answer}").outcome is Outcome.CORRECT


def test_the_real_library():
    pytest.importorskip("reasoning_gym", reason="reasoning-gym is not installed (pip install -e '.[tasks]')")
    task = ReasoningGymTask(ReasoningGymConfig(dataset="countdown"))
    for problem in task.problems(Split.TRAIN, 3):
        assert task.verifier.verify(problem, f"#### {problem.answer}").outcome is Outcome.CORRECT
        assert (
            task.verifier.verify(problem, f"#### ({problem.answer})").outcome is Outcome.CORRECT
        )  # the library's word
        assert task.verifier.verify(problem, "#### 1 + 1").outcome is Outcome.WRONG  # worth 0.05 to the library
    assert task.verifier.verify(problem, f"#### {FORGED}").outcome is Outcome.UNVERIFIABLE
