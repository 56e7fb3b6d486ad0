from __future__ import annotations

import json

import numpy as np
import pytest

from tasks.problem import Outcome, Problem, Split
from tasks.sandbox.execution import Execution, ExecutionOutcome, Tier
from tasks.suites.program import ProgramConfig, ProgramTask
from tasks.suites.program_lines import LineError, run_line
from tasks.suites.program_operations import OPERATIONS, Call, read_call
from tasks.suites.program_specification import EXAMPLES, HIDDEN, Specification, draw_specification, read_specification
from tasks.suites.program_verifier import ProgramOracle, ProgramVerifier

SUM = Specification((Call("each add", 3), Call("evens"), Call("sum")))
PROBLEM = Problem("x", SUM.prompt, SUM.answer)
RIGHT = ["x=[v+3 for v in x]", "x=[v for v in x if v%2==0]", "#### return sum(x)"]
CALLS = [Call(name, k) for name, operation in OPERATIONS.items() for k in operation.numbers or (0,)]


@pytest.fixture(scope="module")
def verifier():
    return ProgramTask(ProgramConfig()).verifier


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_code_does_what_the_operation_means_by_python_and_by_the_small_interpreter(call):
    assert read_call(str(call)) == call
    specification = Specification((call,))
    inputs = specification.visible_inputs() + specification.hidden_inputs()
    for mistake in (0, 1, 2):
        code = call.code(mistake)
        python = [eval(code, {"x": value}) for value in inputs]  # our own text
        assert [run_line(f"return {code}", value) for value in inputs] == [(True, result) for result in python]
        assert (python == [call.apply(value) for value in inputs]) is (mistake == 0) or mistake


def test_most_mistakes_show_in_the_tests():
    seen = 0
    for call in CALLS:
        inputs = Specification((call,)).hidden_inputs()
        for mistake in (1, 2):
            wrong = [run_line(f"return {call.code(mistake)}", value)[1] for value in inputs]
            seen += wrong != [call.apply(value) for value in inputs]
    assert seen / (2 * len(CALLS)) > 0.9


@pytest.mark.parametrize("seed", range(30))
def test_a_specification_is_read_back_and_its_tests_follow_from_it(seed):
    rng = np.random.default_rng(seed)
    drawn = draw_specification(1 + seed % 5, (int, list)[seed % 2], rng)
    assert read_specification(drawn.prompt) == drawn
    assert len({call.name for call in drawn.calls}) == len(drawn.calls) == 1 + seed % 5
    assert len(drawn.visible_inputs()) == EXAMPLES
    assert len(drawn.hidden_inputs()) == HIDDEN
    assert all(value not in drawn.hidden_inputs() for value in drawn.visible_inputs())
    assert len({str(drawn.apply(value)) for value in drawn.hidden_inputs()}) > 1 or drawn.takes is list


def test_hidden_inputs_stand_nowhere_in_a_problem():
    for problem in ProgramTask(ProgramConfig()).problems(Split.TRAIN, 30):
        hidden = [value for value in read_specification(problem.prompt).hidden_inputs() if isinstance(value, list)]
        written = json.dumps([problem.prompt, problem.answer, dict(problem.meta)])
        assert not any(repr(value).replace(" ", "") in written for value in hidden if len(value) > 1)


@pytest.mark.parametrize(
    ("body", "outcome", "passed"),
    [
        ("\n".join(RIGHT), Outcome.CORRECT, 10),
        ("#### return sum(v+3 for v in x if v%2)", Outcome.CORRECT, 10),
        ("t=0\nfor v in x:\n  if v%2:\n    t=t+v+3\n#### return t", Outcome.CORRECT, 10),
        ("print('noise')\n" + "\n".join(RIGHT), Outcome.CORRECT, 10),
        ("#### return 0", Outcome.WRONG, None),
        ("#### return str(sum(v+3 for v in x if v%2))", Outcome.WRONG, 0),
        ("#### return float(sum(v+3 for v in x if v%2))", Outcome.WRONG, 0),
        ("if len(x)>2: raise ValueError\n" + "\n".join(RIGHT), Outcome.WRONG, None),
        ("if len(x)>2: raise SystemExit\n" + "\n".join(RIGHT), Outcome.WRONG, None),
        ("#### return sum(", Outcome.WRONG, 0),
        ("#### import os; os._exit(0)", Outcome.WRONG, 0),
        ("x=[]", Outcome.UNVERIFIABLE, 0),
        ("#### return x\nreturn sum(x)", Outcome.UNVERIFIABLE, 0),
        # A value that says of itself what it likes still has to know the right answer.
        ("class A:\n  def __repr__(self): return '0'\n#### return A()", Outcome.WRONG, None),
        ("class A:\n  def __eq__(self, other): return True\n#### return A()", Outcome.WRONG, 0),
        ("import builtins; builtins.repr = lambda value: '0'\n#### return 1", Outcome.WRONG, None),
    ],
)
def test_known_programs(verifier, body, outcome, passed):
    verdict = verifier.verify(PROBLEM, body)
    assert verdict.outcome is outcome
    assert verdict.reward == verdict.parts.get("tests", 0.0)
    if passed is None:
        assert 0 < verdict.reward < 1
    else:
        assert verdict.reward == passed / 10
    assert bool(verdict.note) is (outcome is not Outcome.CORRECT)


def test_what_is_true_of_the_examples_alone_earns_nothing(verifier):
    examples = {str(value): SUM.apply(value) for value in SUM.visible_inputs()}
    assert verifier.verify(PROBLEM, f"#### return {examples}[str(x)]").reward == 0.0


class Forger:
    """A sandbox whose program printed something else."""

    tier = Tier.OFF

    def __init__(self, stdout: str, outcome: ExecutionOutcome = ExecutionOutcome.OK) -> None:
        self.stdout, self.outcome = stdout, outcome

    def run(self, cells, stdin=""):
        assert len(cells) == 2
        return Execution(self.outcome, self.stdout, "boom", 0.0, Tier.OFF)


WANTED = [repr(SUM.apply(value)) for value in SUM.hidden_inputs()]


@pytest.mark.parametrize(
    ("stdout", "outcome", "reward"),
    [
        (json.dumps(WANTED), ExecutionOutcome.OK, 1.0),
        ("noise\n" + json.dumps(WANTED), ExecutionOutcome.OK, 1.0),
        (json.dumps(WANTED), ExecutionOutcome.TIMEOUT, 0.0),
        (json.dumps([*WANTED, "0"]), ExecutionOutcome.OK, 0.0),
        (json.dumps([int(one) for one in WANTED]), ExecutionOutcome.OK, 0.0),
        ("[" * 9999, ExecutionOutcome.OK, 0.0),
        ("", ExecutionOutcome.OK, 0.0),
        (json.dumps([*WANTED[:5], *["?"] * 5]), ExecutionOutcome.OK, None),
    ],
)
def test_only_right_values_count(stdout, outcome, reward):
    verdict = ProgramVerifier(lambda: Forger(stdout, outcome)).verify(PROBLEM, "#### return 1")
    assert 0 < verdict.reward < 1 if reward is None else verdict.reward == reward


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        (RIGHT, [True] * 3),
        ([step + "\n" for step in RIGHT], [True] * 3),
        ([], []),
        (["#### x=[v+3 for v in x]; x=[v for v in x if v%2==0]; return sum(x)"], [True]),
        (["x=[3+v for v in x]", "x=[v for v in x if v%2<1]", "x=sum(x)", "#### return x"], [True] * 4),
        (["x=[v+3 for v in x if v%2==1]", "#### return sum(x)"], [True, True]),  # two operations in one line
        # A slip is one wrong step; what follows from it is right.
        (["x=[v+4 for v in x]", *RIGHT[1:]], [False, True, True]),
        ([RIGHT[0], "x=[v for v in x if v%2==1]", RIGHT[2]], [True, False, True]),
        ([*RIGHT[:2], "#### return len(x)"], [True, True, False]),
        ([RIGHT[0], "#### return sum(x)"], [True, False]),
        ([*RIGHT, "x=1"], [True, True, True, False]),
        ([*RIGHT[:2], "return sum(x)"], [True, True, False]),  # returns without the marker
        ([*RIGHT[:2], "#### x=sum(x)"], [True, True, False]),  # the marker without a return
        (["y=1", *RIGHT], [False, False, False, False]),
        (["x=x", RIGHT[0]], [False, False]),
    ],
)
def test_known_labels(steps, labels):
    assert ProgramOracle().step_labels(PROBLEM, steps) == labels
    assert ProgramOracle().first_error(PROBLEM, steps) == (labels.index(False) if False in labels else -1)


@pytest.mark.parametrize(
    ("line", "value", "result"),
    [
        ("x+=3", 4, 7),
        ("x -= 2*2", 4, 0),
        ("x%=3", 4, 1),
        (" x = abs ( x ) ", -4, 4),
        ("x=max(x)", [1, 5, 2], 5),
        ("x=[v//2 for v in x if v>1 if v!=3]", [1, 2, 3, 4], [1, 2]),
        ("x=x[1:][::-1]", [1, 2, 3], [3, 2]),
    ],
)
def test_lines_that_are_read(line, value, result):
    assert run_line(line, value) == (False, result)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "x==1",
        "y=1",
        "x=y",
        "x=v",
        "x=x.real",
        "x=x**x",
        "x=1/0",
        "x=x//0",
        "x=max(x)",
        "x=1 if x else 2",
        "x=1if x else 2",
        "x=" + "9" * 50,
        "x=x" + "*x" * 50,
        "x=" + "(" * 100,
        "x=" + "-" * 117 + "1",
        "x=[v for v in x]",
        "x=[x for w in x]",
        "x=(lambda: 1)()",
        "x=__import__('os')",
        "x=1; y=2",
        "x=1\ny=2",
        "return",
        "returnx",
        "x=True",
        "x=١",
    ],
)
def test_lines_that_are_not(line):
    if line == "x=" + "-" * 117 + "1":
        assert run_line(line, 5) == (False, -1)
        return
    with pytest.raises(LineError):
        run_line(line, 5)
