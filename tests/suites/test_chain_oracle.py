from __future__ import annotations

import operator
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.problem import Problem, Split
from tasks.suites.chain import ChainConfig, ChainTask
from tasks.suites.chain_arithmetic import read_chain
from tasks.suites.chain_oracle import ChainOracle

ORACLE = ChainOracle()
PROBLEM = Problem("x", "7 +5 *3 -2 mod 10\n", "4")
RIGHT = ["7+5=2", "2*3=6", "6-2=4", "#### 4"]
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


@pytest.mark.parametrize(
    ("steps", "labels", "first"),
    [
        (RIGHT, [True] * 4, -1),
        ([step + "\n" for step in RIGHT], [True] * 4, -1),
        ([], [], -1),
        (RIGHT[:2], [True, True], -1),
        # A slip is one wrong step; what follows from it is right.
        (["7+5=3", "3*3=9", "9-2=7", "#### 7"], [False, True, True, True], 0),
        # The left operand must be the one that was stated, even if the stated one is wrong.
        (["7+5=3", "2*3=6", "6-2=4", "#### 4"], [False, False, True, True], 0),
        (["7+5=2", "2*3=6", "6-2=4", "#### 5"], [True, True, True, False], 3),
        (["7+5=2", "#### 2"], [True, False], 1),
        (["7+5=2", "#### 2", "2*3=6"], [True, False, False], 1),
        ([*RIGHT, "#### 4"], [True] * 4 + [False], 4),
        (["7+5=2", "2*3=6", "6-2=4", "4+0=4", "#### 4"], [True, True, True, False, False], 3),
        # Another operation than the problem's.
        (["7*3=1", "1+5=6", "6-2=4", "#### 4"], [False, False, True, True], 0),
        # Nothing follows from a malformed step.
        (["so 2", "2*3=6", "6-2=4"], [False, False, True], 0),
        (["7+5=12", "12*3=6"], [False, True], 0),
    ],
)
def test_known_labels(steps, labels, first):
    assert ORACLE.step_labels(PROBLEM, steps) == labels
    assert ORACLE.first_error(PROBLEM, steps) == first


@pytest.mark.parametrize(
    "step",
    [
        "7+5=02",
        "07+5=2",
        " 7+5=2",
        "7+5=2 ",
        "7 + 5 = 2",
        "7+5=2\n\n",
        "7+5",
        "7+5=-8",
        "",
        "7+5=٢",
        "7+5=" + "9" * 9999,
    ],
)
def test_what_is_not_exactly_well_formed_is_wrong(step):
    assert ORACLE.step_labels(PROBLEM, [step]) == [False]


def test_a_problem_of_another_suite_is_refused():
    with pytest.raises(ValueError, match="not a chain problem"):
        ORACLE.step_labels(Problem("x", "What is 7+5?\n", "12"), [])


def independent_labels(prompt: str, steps: list[str]) -> list[bool]:
    """Builds the one right text of each step and compares."""
    start, *operations, _, modulus = prompt.split()
    stated: str | None = start
    labels = []
    for index, step in enumerate(steps):
        if step.startswith("####"):
            labels.append(index == len(operations) and step == f"#### {stated}")
            stated = None
            continue
        expected = None
        if index < len(operations) and stated is not None:
            sign, operand = operations[index][0], operations[index][1:]
            expected = f"{stated}{sign}{operand}={SIGNS[sign](int(stated), int(operand)) % int(modulus)}"
        labels.append(step == expected)
        stated = step.partition("=")[2] if re.fullmatch(r"\d+[-+*]\d+=\d+", step) else None
    return labels


@settings(max_examples=200)
@given(st.data())
def test_labels_match_an_independent_evaluation(data):
    config = ChainConfig(seed=data.draw(st.integers(0, 50)), modulus=12, min_length=2, max_length=4)
    problem = ChainTask(config).problems(Split.TRAIN, 1)[0]
    operations = [f"{sign}{operand}" for sign, operand in read_chain(problem.prompt).operations]
    value, steps = problem.prompt.split()[0], []
    for index in range(data.draw(st.integers(0, len(operations) + 2))):
        operation = data.draw(st.sampled_from([operations[index % len(operations)]] * 3 + operations))
        right = SIGNS[operation[0]](int(value), int(operation[1:])) % 12
        result = data.draw(st.sampled_from([right] * 4 + [0, 3, 11]))
        line = f"{value}{operation}={result}"
        steps.append(
            data.draw(st.sampled_from([line] * 5 + [f"#### {value}", "#### 1", "?", f"1{operation}={result}"]))
        )
        value = str(result)
    assert ORACLE.step_labels(problem, steps) == independent_labels(problem.prompt, steps)


def test_a_demonstrations_errors_are_its_misconceptions():
    task = ChainTask(ChainConfig(seed=4))
    for shown in task.demonstrations(300):
        steps = shown.solution.split("\n")
        assert ORACLE.step_labels(shown.problem, steps) == independent_labels(shown.problem.prompt, steps)
        if ORACLE.first_error(shown.problem, steps) == -1:
            assert task.verifier.verify(shown.problem, shown.solution).reward == 1.0
