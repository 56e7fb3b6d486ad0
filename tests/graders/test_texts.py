from __future__ import annotations

import random

import pytest

from tasks.graders.base import Item
from tasks.graders.build import build_grader, load_grader
from tasks.problem import Outcome

C, W, U, E = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.ERROR


def grade(spec, completion=None, reference="", **more):
    return build_grader(spec).grade(Item("1", reference=reference, completion=completion, **more))


@pytest.mark.parametrize(
    ("operation", "answer", "reference", "outcome"),
    [
        ("eq", " Paris ", "Paris", C),
        ("eq", "paris", "Paris", W),
        ("ne", "paris", "Paris", C),
        ("ne", "Paris", "Paris", W),
        ("ieq", "STRASSE", "Straße", C),
        ("ieq", "Rome", "Paris", W),
        ("contains", "in Paris!", "Paris", C),
        ("contains", "in paris!", "Paris", W),
        ("icontains", "in paris!", "Paris", C),
        ("starts_with", "Paris, France", "Paris", C),
        ("starts_with", "in Paris", "Paris", W),
        ("ends_with", "in Paris", "Paris", C),
        ("contains", "anything", " ", E),
        ("ne", "anything", "", E),
    ],
)
def test_string_check(operation, answer, reference, outcome):
    spec = {"type": "string_check", "operation": operation}
    assert grade(spec, f"So:\n#### {answer}", reference).outcome is outcome
    assert grade(spec, reference=reference, answer=answer).outcome is outcome


def test_string_check_looks_where_it_is_told():
    assert grade({"type": "string_check"}, "Paris", "Paris").outcome is U
    assert grade({"type": "string_check", "of": "text"}, "Paris", "Paris").outcome is C
    assert grade({"type": "string_check", "reference": "Rome"}, r"\boxed{Rome}", "Paris").outcome is C


@pytest.mark.parametrize(
    ("answer", "reference", "tolerance", "outcome"),
    [("0.5", "1/2", 0, C), ("0.501", "1/2", 0, W), ("0.501", "1/2", 0.01, C), ("x", "1/2", 0, U), ("1", "x", 0, E)],
)
def test_number(answer, reference, tolerance, outcome):
    found = grade({"type": "number", "tolerance": tolerance}, f"#### {answer}", reference)
    assert (found.outcome, found.reward) == (outcome, float(outcome is C))


def test_math_takes_the_tasks_answer_types():
    spec = {"type": "math", "answer": "set"}
    assert grade(spec, r"\boxed{\{2, 1\}}", "{1, 2}").outcome is C
    assert grade(spec, r"\boxed{\{2, 3\}}", "{1, 2}").outcome is W


@pytest.mark.parametrize(
    ("spec", "text", "reward"),
    [
        ({"max": 3}, "abc", 1),
        ({"max": 3}, "abcd", 0),
        ({"max": 3, "fade": 3}, "abcd", 0.75),
        ({"max": 3, "fade": 3}, "abcdefgh", 0),
        ({"min": 2, "unit": "words"}, "one", 0),
        ({"min": 2, "max": 2, "unit": "words"}, " one  two ", 1),
        ({"max": 2, "unit": "lines"}, "a\n\nb\n", 1),
        ({"max": 1, "unit": "lines"}, "a\n\nb\n", 0),
        ({"max": 0}, "", 1),
    ],
)
def test_length(spec, text, reward):
    found = grade({"type": "length", **spec}, text)
    assert found.reward == reward
    assert found.outcome is (C if reward == 1 else W)


def test_regex_format():
    think = load_grader("think_format")
    assert think.grade(Item("1", completion="<think>\nso\n</think>\n#### 4")).outcome is C
    assert think.grade(Item("1", completion="so</think>#### 4")).outcome is W
    spec = {"type": "regex_format", "pattern": "^answer: [0-9]+$", "ignore_case": True}
    assert grade(spec, "Answer: 12").reward == 1
    assert grade(spec, "my Answer: 12").reward == 0
    assert grade(spec | {"match": "full"}, "Answer: 12\n").reward == 0
    hard = {"type": "regex_format", "pattern": "(x|xx)*y(x|y){300}z"}
    assert grade(hard, "".join(random.Random(0).choices("xy", k=50_000))).outcome is U


@pytest.mark.parametrize(
    ("language", "text", "low", "high"),
    [
        ("en", "First we add the two numbers and then we divide by three.", 0.99, 1),
        (
            "en",
            "Zuerst addieren wir die beiden Zahlen und dann teilen wir sie durch drei, das ist nicht so viel.",
            0,
            0.3,
        ),
        (
            "de",
            "Zuerst addieren wir die beiden Zahlen und dann teilen wir sie durch drei, das ist nicht viel.",
            0.99,
            1,
        ),
        ("en", "First we add 首先我们把这两个数字加起来然后除以三得到答案", 0, 0.5),
        ("zh", "首先我们把这两个数字加起来 $x+y$ 然后除以三 \\boxed{7}", 0.99, 1),
        ("ru", "Сначала мы складываем числа", 0.99, 1),
        ("ja", "まず二つの数を足します", 0.99, 1),
        ("zh", "まず二つの数を足します", 0, 0.6),
        ("en", "```\nконст = 3\n```\nThis is the sum of it.", 0.99, 1),
    ],
)
def test_language(language, text, low, high):
    found = grade({"type": "language_consistency", "language": language}, text)
    assert low <= found.reward <= high
    assert found.outcome is (C if found.reward >= 0.9 else W)


def test_a_text_without_letters_has_no_language():
    assert grade({"type": "language_consistency", "language": "en"}, "3 + 4 = $7$").outcome is U


def test_instructions_are_the_items_or_the_configs():
    constraints = [{"id": "punctuation:no_comma"}, {"id": "change_case:english_lowercase"}]
    spec = {"type": "instruction"}
    item = grade(spec, "no commas Here", meta={"constraints": constraints})
    assert (item.outcome, item.reward) == (W, 0.5)
    assert item.parts == {"punctuation:no_comma": 1.0, "change_case:english_lowercase": 0.0}
    ifeval = {"instruction_id_list": ["punctuation:no_comma"], "kwargs": [{"num_words": None}]}
    assert grade(spec, "fine", meta=ifeval).outcome is C
    assert grade(spec | {"constraints": constraints, "partial": False}, "no commas Here").reward == 0
    assert grade(spec, "x").outcome is E
    assert grade(spec, "x", meta={"constraints": [{"id": "no:such"}]}).outcome is E
    assert grade(spec, "x", meta={"instruction_id_list": ["a"], "kwargs": []}).outcome is E


def test_loose_forgives_an_introduction():
    meta = {"constraints": [{"id": "punctuation:no_comma"}]}
    text = "Sure, here it is:\nno commas"
    assert load_grader("instruction").grade(Item("1", completion=text, meta=meta)).outcome is W
    assert load_grader("instruction_loose").grade(Item("1", completion=text, meta=meta)).outcome is C
