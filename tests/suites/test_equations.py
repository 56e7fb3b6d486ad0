from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.problem import Outcome, Problem
from tasks.suites.equations import EquationsConfig, EquationsTask
from tasks.suites.equations_oracle import EquationsOracle, EquationsVerifier, read_values
from tasks.suites.equations_system import (
    Equation,
    read_combination,
    read_equation,
    read_system,
    solve,
    write_combination,
)

PROBLEM = Problem("x", "2x+3y=8, x-y=-1\n", "x=1, y=2")
FRACTIONS = Problem("x", "2x+4y=1, x-2y=3\n", "x=7/4, y=-5/8")
THREE = Problem("x", "x+y+z=6, 2x-y+z=3, x+2y-z=2\n", "x=1, y=2, z=3")
RIGHT = ["C=A-2B: 5y=10", "D=C/5: y=2", "E=B+D: x=1", "#### x=1, y=2"]
ORACLE, VERIFIER = EquationsOracle(), EquationsVerifier()
FRACTION = st.fractions(min_value=-99, max_value=99, max_denominator=12)


def holds(prompt: str, values: dict[str, Fraction]) -> bool:
    """Put the values into every equation, read with other means than the suite's."""
    for text in prompt.strip().split(", "):
        left, right = text.split("=")
        total = Fraction(0)
        for term in re.findall(r"[+-]?[^+-]+", left):
            total += Fraction(re.sub(r"^([+-]?)$", r"\g<1>1", term[:-1])) * values[term[-1]]
        if total != Fraction(right):
            return False
    return True


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**9),
    unknowns=st.integers(2, 3),
    coefficient=st.integers(2, 12),
    value=st.integers(2, 999),
    whole=st.booleans(),
)
def test_answers_solve_their_systems(seed, unknowns, coefficient, value, whole):
    config = EquationsConfig(
        seed=seed, max_unknowns=unknowns, largest_coefficient=coefficient, largest_value=value, whole=whole
    )
    task = EquationsTask(config).flawless()
    for shown in task.demonstrations(5):
        problem = shown.problem
        values = {name: Fraction(number) for name, number in re.findall(r"([xyz])=([-0-9/]+)", problem.answer)}
        assert len(values) == problem.meta["level"] == problem.prompt.count("=")
        assert holds(problem.prompt, values)
        assert all(abs(number) <= value for number in values.values())
        assert not whole or all(number.denominator == 1 for number in values.values())
        assert all(1 <= int(each) <= coefficient for each in re.findall(r"([0-9]+)[xyz]", problem.prompt))
        # However large the numbers on the way become, the worked solution is read and right.
        assert task.verifier.verify(problem, shown.solution).reward == 1.0
        assert task.oracle.first_error(problem, task.steps(shown.solution)) == -1


@given(st.lists(FRACTION, min_size=2, max_size=3), FRACTION)
def test_equations_are_read_as_they_are_written(coefficients, right):
    equation = Equation(tuple(Fraction(value.numerator) for value in coefficients), right)
    assert read_equation(equation.text, len(coefficients)) == equation


@given(st.lists(st.tuples(FRACTION.filter(bool), st.sampled_from("ABCDEZ")), min_size=1, max_size=3))
def test_combinations_are_read_as_they_are_written(parts):
    assert read_combination(write_combination(tuple(parts))) == tuple(parts)


@settings(max_examples=100)
@given(st.integers(2, 3), st.data())
def test_solve_agrees_with_substitution(unknowns, data):
    row = st.lists(st.integers(-3, 3), min_size=unknowns, max_size=unknowns)
    rows = [data.draw(row) for _ in range(unknowns)]
    values = [data.draw(FRACTION) for _ in range(unknowns)]
    equations = [
        Equation(tuple(map(Fraction, each)), sum((a * b for a, b in zip(each, values, strict=True)), Fraction(0)))
        for each in rows
    ]
    solved = solve(equations)
    assert solved is None or list(solved) == values
    # The rows are dependent iff there is no solution: then some right sides have none and others have many.
    assert (solved is None) == (round(float(np.linalg.det(np.array(rows, dtype=float)))) == 0)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "x+y=1\n",
        "x+y=1, 2x+2y=2\n",
        "x+y=1, x-y=1",
        "x+z=1, x-z=1\n",
        "x+x=1, x-y=1\n",
        "x+y=1,x-y=1\n",
        "x+y=1, x-y=1/0\n",
        "x+y=1, 0x-y=1\n",
        "x+y=1, x-y=1, y=1\n",
        "x+y=1, x*y=1\n",
    ],
)
def test_another_text_is_no_system(prompt):
    with pytest.raises(ValueError, match="not a system"):
        read_system(prompt)


@pytest.mark.parametrize(
    ("problem", "answer", "outcome"),
    [
        (PROBLEM, "x=1, y=2", Outcome.CORRECT),
        (PROBLEM, "y = 2, x = 1", Outcome.CORRECT),
        (PROBLEM, "1, 2", Outcome.CORRECT),
        (PROBLEM, "(1,2)", Outcome.CORRECT),
        (PROBLEM, "x=2/2, y=2.0", Outcome.CORRECT),
        (PROBLEM, "2, 1", Outcome.WRONG),
        (PROBLEM, "x=2, y=1", Outcome.WRONG),
        (PROBLEM, "x=1, y=-2", Outcome.WRONG),
        (PROBLEM, "x=1", Outcome.UNVERIFIABLE),
        (PROBLEM, "1", Outcome.UNVERIFIABLE),
        (PROBLEM, "x=1, y=2, z=3", Outcome.UNVERIFIABLE),
        (PROBLEM, "x=1, x=1, y=2", Outcome.UNVERIFIABLE),
        (PROBLEM, "x=1, 2", Outcome.UNVERIFIABLE),
        (PROBLEM, "x=1, y=2 or 3", Outcome.UNVERIFIABLE),
        (PROBLEM, "x=1, y=2%", Outcome.UNVERIFIABLE),
        (PROBLEM, "x=1, y=4/2/1", Outcome.UNVERIFIABLE),
        (FRACTIONS, "x=7/4, y=-5/8", Outcome.CORRECT),
        (FRACTIONS, "1.75, -0.625", Outcome.CORRECT),
        (FRACTIONS, "x=1.75, y=-0.6", Outcome.WRONG),
        (THREE, "x=1, y=2, z=3", Outcome.CORRECT),
        (THREE, "x=1, z=2, y=3", Outcome.WRONG),
    ],
)
def test_known_verdicts(problem, answer, outcome):
    assert VERIFIER.verify(problem, f"so\n#### {answer}").outcome is outcome


def test_values_are_not_read_for_ever():
    assert read_values("1," * 200, 2) is None


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        (RIGHT, [True] * 4),
        ([step + "\n" for step in RIGHT], [True] * 4),
        (["C=3B+A: 5x=5", "D=C/5: x=1", "E=D-B: y=2", "#### 1, 2"], [True] * 4),
        (["C=-2B+A: 5y=10"], [True]),
        # A slip is one wrong step; what follows from it is right.
        (["C=A-2B: 5y=15", "D=C/5: y=3", "E=B+D: x=2", "#### x=2, y=3"], [False, True, True, True]),
        (["C=A-2B: y=10"], [False]),
        (["C=A-2B: 5y=10", "D=C/5: y=3", "E=B+D: x=2"], [True, False, True]),
        (["C=A-2B: 5y=10", "C=A-2B: 5y=10"], [True, False]),
        (["D=A-2B: 5y=10"], [False]),
        (["C=A-2D: 5y=10"], [False]),
        (["C=A-2B: 5z=10"], [False]),
        (["C=A-2B:5y=10"], [False]),
        (["5y=10"], [False]),
        (["C=A-2B: 5y=10", "so", "E=C/5: y=2"], [True, False, True]),
        (["C=A-2B: 5y=10", "#### x=1, y=2"], [True, False]),
        ([*RIGHT[:3], "#### x=1, y=3"], [True] * 3 + [False]),
        ([*RIGHT, "#### x=1, y=2"], [True] * 4 + [False]),
        (["C=A/0: 5y=10"], [False]),
        (["C=A+A+A+A: 8x+12y=32"], [False]),
        (["C=" + "9" * 99 + "A: 5y=10"], [False]),
        (["C=A-A: 0=0"], [True]),
    ],
)
def test_known_labels(steps, labels):
    assert ORACLE.step_labels(PROBLEM, steps) == labels
    assert ORACLE.first_error(PROBLEM, steps) == (labels.index(False) if False in labels else -1)


def test_more_steps_than_letters_do_not_break():
    steps = [f"{letter}=A: 2x+3y=8" for letter in "CDEFGHIJKLMNOPQRSTUVWXYZ"] + ["A=A: 2x+3y=8"] * 5
    assert ORACLE.step_labels(PROBLEM, steps) == [True] * 24 + [False] * 5


@settings(max_examples=150)
@given(st.data())
def test_right_steps_lead_to_right_answers(data):
    config = EquationsConfig(
        seed=data.draw(st.integers(0, 20)), max_unknowns=3, whole=data.draw(st.booleans()), misconceived_facts=0.3
    )
    task = EquationsTask(config)
    shown = task.demonstrations(3)[data.draw(st.integers(0, 2))]
    steps = task.steps(shown.solution)
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(steps) - 1))
        old, new = (
            data.draw(st.sampled_from(["1", "2", "+", "x", "A"])),
            data.draw(st.sampled_from(["3", "-", "y", "B"])),
        )
        steps[place] = steps[place].replace(old, new, 1)
    if task.oracle.first_error(shown.problem, steps) == -1:
        assert task.verifier.verify(shown.problem, "\n".join(steps)).reward == 1.0


def test_a_demonstration_errs_in_products_only_and_goes_on():
    task = EquationsTask(EquationsConfig(max_unknowns=3, largest_coefficient=6))
    wrong = 0
    for shown in task.demonstrations(300):
        steps = task.steps(shown.solution)
        labels = task.oracle.step_labels(shown.problem, steps)
        assert labels[-1]
        for step, is_right in zip(steps, labels, strict=True):
            assert is_right or re.match(r"[A-Z]=.*[0-9][A-Z]", step), "a step without a product is right"
        wrong += not all(labels)
    assert 0.2 < wrong / 300 < 0.8
