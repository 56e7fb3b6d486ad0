from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.graders.base import Item
from tasks.graders.build import build_grader
from tasks.graders.formula import BadFormula, Formula
from tasks.problem import Outcome

NUMBER = {"type": "number"}
SHORT = {"type": "length", "max": 10}


def grade(completion, reference="7", **options):
    spec = {"type": "multi", "graders": {"answer": NUMBER, "short": SHORT}, **options}
    return build_grader(spec).grade(Item("1", reference=reference, completion=completion))


def test_weights_give_a_weighted_mean():
    right = grade("#### 7", weights={"answer": 3, "short": 1})
    assert (right.outcome, right.reward, right.parts) == (Outcome.CORRECT, 1.0, {"answer": 1.0, "short": 1.0})
    long = grade("because ...\n#### 7", weights={"answer": 3, "short": 1})
    assert (long.outcome, long.reward) == (Outcome.WRONG, 0.75)
    assert grade("because ...\n#### 7", weights={"answer": 3, "short": 1}, pass_at=0.7).outcome is Outcome.CORRECT
    assert grade("because ...\n#### 7").reward == 0.5


def test_outcomes_are_not_merged():
    assert grade("#### 7", reference="x").outcome is Outcome.ERROR
    unread = grade("seven")
    assert (unread.outcome, unread.reward, unread.parts["short"]) == (Outcome.UNVERIFIABLE, 0.0, 1.0)
    assert grade("seven", formula="max(answer, short)").outcome is Outcome.CORRECT
    assert grade("so it is seven", formula="max(answer, short)").outcome is Outcome.UNVERIFIABLE
    assert grade("seven", formula="1 - answer").outcome is Outcome.UNVERIFIABLE


def test_a_formula_is_clipped_and_its_faults_are_errors():
    assert grade("#### 7", formula="2 * answer").reward == 1.0
    assert grade("#### 7", formula="answer - 5").reward == 0.0
    assert grade("#### 7", formula="1 / (answer - 1)").outcome is Outcome.ERROR
    huge = "*".join(["1e6"] * 60)  # infinite
    assert grade("#### 7", formula=f"answer * 0 * {huge}").reward == 0
    assert grade("#### 7", formula=f"{huge} * 0").outcome is Outcome.ERROR


def test_parts_of_parts_are_named():
    inner = {"type": "multi", "graders": {"answer": NUMBER}}
    spec = {"type": "multi", "graders": {"a": inner, "b": {"type": "multi", "graders": {"c": inner}}}}
    found = build_grader(spec).grade(Item("1", reference="7", completion="#### 7"))
    assert list(found.parts) == ["a", "a.answer", "b", "b.c", "b.c.answer"]


NUMBERS = st.floats(0, 1).map(lambda value: round(value, 3))
FORMULAS = st.recursive(
    st.sampled_from(["a", "b", "0.5", "2"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "<", "<=", ">", ">="]), inner).map(
            lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
        st.tuples(inner, inner).map(lambda parts: f"({parts[0]} if True else {parts[1]})").map(lambda _: "-a"),
    ),
    max_leaves=8,
)


@given(FORMULAS, NUMBERS, NUMBERS)
def test_a_formula_says_what_python_says(text, a, b):
    assert Formula(text, ["a", "b"]).value({"a": a, "b": b}) == pytest.approx(float(eval(text, {"a": a, "b": b})))


def test_and_or_not_are_1_or_0():
    worth = {"a": 0.5, "b": 0.0}
    for text, value in {
        "a and b": 0,
        "a or b": 1,
        "not a": 0,
        "not b and a > 0.4": 1,
        "0 < a < 1": 1,
        "a == 0.5": 1,
    }.items():
        assert Formula(text, worth).value(worth) == value
    assert math.isinf(Formula("*".join(["1e6"] * 60), []).value({}))


@pytest.mark.parametrize(
    "text",
    [
        "", "a +", "a ** 2", "a // 2", "a % 2", "a if a else b", "a.real", "a[0]", "[a]", "abs(a)", "min()", "min(*a)",
        "min(a, key=a)", "__import__('os')", "lambda: a", "(a := 1)", "'a'", "True", "1e9", "1j", "c", "a is b",
        "a in b", "min", "min + a", "a" + " + a" * 99, "(" * 500 + "a" + ")" * 500, "f'{a}'", "a; b",
        "max(a)(b)",
    ],
)  # fmt: skip
def test_nothing_else_is_a_formula(text):
    with pytest.raises(BadFormula):
        Formula(text, ["a", "b"])
