from __future__ import annotations

import itertools
import operator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.problem import Outcome, Problem, Split
from tasks.suites.countdown import CountdownConfig, CountdownTask
from tasks.suites.countdown_oracle import CountdownOracle, CountdownVerifier
from tasks.suites.expressions import MAX_LENGTH, read_expression

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
PROBLEM = Problem("x", "3 5 7 -> 22\n", "3*5+7")
ORACLE, VERIFIER = CountdownOracle(), CountdownVerifier()


def reachable(numbers: tuple[Fraction, ...]) -> set[Fraction]:
    """Every value that some of the numbers can make, by brute force over exact fractions."""
    found = set(numbers)
    for size in range(2, len(numbers) + 1):
        for chosen in itertools.combinations(numbers, size):
            found |= whole(tuple(sorted(chosen)), {})
    return found


def whole(numbers: tuple[Fraction, ...], known: dict) -> set[Fraction]:
    if len(numbers) == 1:
        return set(numbers)
    if numbers not in known:
        found = set()
        for size in range(1, len(numbers)):
            for places in itertools.combinations(range(len(numbers)), size):
                rest = tuple(numbers[i] for i in range(len(numbers)) if i not in places)
                for a in whole(tuple(numbers[i] for i in places), known):
                    for b in whole(rest, known):
                        found |= {a + b, a - b, a * b} | ({a / b} if b else set())
        known[numbers] = found
    return known[numbers]


@settings(max_examples=15)
@given(seed=st.integers(0, 10**9), numbers=st.integers(2, 4), largest=st.integers(4, 30))
def test_every_target_can_be_reached(seed, numbers, largest):
    config = CountdownConfig(
        seed=seed, min_numbers=2, max_numbers=numbers, largest_number=largest, largest_target=2 * largest
    )
    for problem in CountdownTask(config).problems(Split.TRAIN, 4):
        given_numbers, target = problem.prompt.strip().split(" -> ")
        values = tuple(map(Fraction, given_numbers.split()))
        assert 2 <= len(values) <= numbers
        assert all(1 <= value <= largest for value in values)
        assert int(target) <= 2 * largest
        assert Fraction(target) in reachable(values)
        assert Fraction(target) not in values
        assert VERIFIER.verify(problem, f"#### {problem.answer}").reward == 1.0
        assert problem.meta["level"] == len(values) - 1


# Trees of arithmetic as (text, value or None), built beside the reader.
NUMBERS = st.integers(0, 99).map(lambda number: (str(number), Fraction(number)))


def _joined(parts):
    (left, a), sign, (right, b), space = parts
    value = None
    if a is not None and b is not None and not (sign == "/" and b == 0):
        value = a / b if sign == "/" else SIGNS[sign](a, b)
    return f"({left}{space}{sign}{space}{right})", value


TREES = st.recursive(
    NUMBERS,
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner, st.sampled_from(["", " "])).map(_joined),
    max_leaves=10,
)


@settings(max_examples=200)
@given(TREES)
def test_expressions_match_trees_built_beside_them(tree):
    text, value = tree
    read = read_expression(text)
    if value is None or len(text) > MAX_LENGTH:
        assert read is None
    else:
        assert read is not None
        assert read.value == value


@settings(max_examples=200)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_precedence_is_that_of_arithmetic(numbers, data):
    signs = [data.draw(st.sampled_from("+-*/")) for _ in numbers[1:]]
    text = str(numbers[0]) + "".join(f"{sign}{number}" for sign, number in zip(signs, numbers[1:], strict=True))
    read = read_expression(text)
    assert read is not None
    exactly = eval(
        "".join(f"{sign}F({number})" for sign, number in zip(["", *signs], numbers, strict=True)), {"F": Fraction}
    )
    assert read.value == exactly
    assert list(read.numbers) == numbers


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "()",
        "1+",
        "+1",
        "-1",
        "1++1",
        "(1",
        "1)",
        "1 2",
        "1/0",
        "1/(2-2)",
        "1//2",
        "2**3",
        "2^3",
        "1.5",
        "1e3",
        "x",
        "\u0663+1",
        "\u00b2",
        "1234567",
        "(" * 21 + "1" + ")" * 21,
        "1+" * 100 + "1",
        "3*5+7=22",
        "abs(1)",
    ],
)
def test_another_text_is_no_expression(text):
    assert read_expression(text) is None


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("3*5+7", Outcome.CORRECT),
        ("7 + 5 * 3", Outcome.CORRECT),
        ("(7)+(3*5)", Outcome.CORRECT),
        ("22", Outcome.WRONG),
        ("3*5", Outcome.WRONG),
        ("3*5+5+7-5", Outcome.WRONG),
        ("3*5+7+3-3", Outcome.WRONG),
        ("3*5+8-1", Outcome.WRONG),
        ("35-13", Outcome.WRONG),
        ("3*5+7 or 3+5*7", Outcome.UNVERIFIABLE),
        ("3*5+7=22", Outcome.UNVERIFIABLE),
        ("", Outcome.UNVERIFIABLE),
    ],
)
def test_known_verdicts(answer, outcome):
    assert VERIFIER.verify(PROBLEM, f"so\n#### {answer}").outcome is outcome
    assert VERIFIER.verify(PROBLEM, f"\\boxed{{{answer}}}").outcome is outcome


def test_fractions_on_the_way_are_exact():
    problem = Problem("x", "1 5 5 5 -> 24\n", "5*(5-1/5)")
    assert VERIFIER.verify(problem, "#### 5*(5-1/5)").reward == 1.0
    steps = ["1/5=(1/5)", "5-(1/5)=(24/5)", "5*(24/5)=24", "#### 5*(5-1/5)"]
    assert ORACLE.step_labels(problem, steps) == [True] * 4
    assert ORACLE.step_labels(problem, ["1/5=(1/5)", "5-(1/5)=(23/5)"]) == [True, False]


@pytest.mark.parametrize(
    ("steps", "labels"),
    [
        (["3*5=15", "15+7=22", "#### 3*5+7"], [True] * 3),
        (["5*3=15\n", "7+15=22\n", "#### 7+3*5\n"], [True] * 3),
        (["3+5=8"], [True]),  # leads nowhere, and is right
        (["3*5=14"], [False]),
        (["3*5=15", "15+5=20"], [True, False]),  # 5 is used up
        (["3*3=9"], [False]),
        (["3*8=24"], [False]),
        # A slip is one wrong step; what follows from it is right.
        (["3*7=22", "#### 3*7"], [False, True]),
        (["3*5=17", "17+5=22"], [False, False]),
        (["3*5=15", "15+7=22", "#### 3*5"], [True, True, False]),
        (["#### 3*5+7"], [True]),
        (["#### 3*5+7", "3*5=15"], [True, False]),
        (["#### 3*5+7", "#### 3*5+7"], [True, False]),
        (["so", "3*5=15"], [False, True]),
        (["3 * 5 = 15"], [False]),
        (["3*5=15 "], [False]),
        (["7/0=1"], [False]),
        (["3-5=(-2)", "7-(-2)=9"], [True, True]),
    ],
)
def test_known_labels(steps, labels):
    assert ORACLE.step_labels(PROBLEM, steps) == labels
    assert ORACLE.first_error(PROBLEM, steps) == (labels.index(False) if False in labels else -1)


@settings(max_examples=150)
@given(st.data())
def test_right_steps_lead_to_right_answers(data):
    config = CountdownConfig(seed=data.draw(st.integers(0, 20)), max_numbers=4, misconceived_facts=0.6)
    task = CountdownTask(config)
    shown = task.demonstrations(4)[data.draw(st.integers(0, 3))]
    steps = task.steps(shown.solution)
    if data.draw(st.booleans()):
        place = data.draw(st.integers(0, len(steps) - 1))
        old, new = data.draw(st.sampled_from(["1", "2", "+", "*", "("])), data.draw(st.sampled_from(["", "3", "-"]))
        steps[place] = steps[place].replace(old, new)
    labels = task.oracle.step_labels(shown.problem, steps)
    is_right = task.verifier.verify(shown.problem, "\n".join(steps)).reward == 1.0
    if all(labels):
        assert is_right
    if is_right and all(labels[:-1]):
        assert labels[-1]


def test_a_demonstration_that_errs_states_its_mistakes_and_the_same_ones_each_time():
    task = CountdownTask(CountdownConfig(max_numbers=4))
    results: dict[str, set[str]] = {}
    wrong = 0
    for shown in task.demonstrations(400):
        steps = task.steps(shown.solution)
        labels = task.oracle.step_labels(shown.problem, steps)
        is_right = task.verifier.verify(shown.problem, shown.solution).reward == 1.0
        assert labels[-1]
        assert is_right or not all(labels)
        wrong += not is_right
        assert steps[-2].endswith("=" + shown.problem.prompt.split()[-1])
        for step, label in zip(steps, labels, strict=True):
            if not label:
                left, _, result = step.partition("=")
                results.setdefault(left, set()).add(result)
    assert 0.2 < wrong / 400 < 0.7
    assert all(len(shown) == 1 for shown in results.values())
