"""The published suite of hard pairs: every one is judged as a person would judge it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.answers import AnswerType, answer_key, canonical_key, judge
from tasks.problem import Outcome

SUITE = Path(__file__).parents[2] / "data" / "hard_answers.txt"
OUTCOMES = {"c": Outcome.CORRECT, "w": Outcome.WRONG, "u": Outcome.UNVERIFIABLE}


def pairs() -> list[tuple[AnswerType, str, str, Outcome]]:
    found = []
    for line in SUITE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, _, rest = line.partition(" | ")
            rest, _, expected = rest.rpartition(" | ")
            reference, _, answer = rest.partition(" | ")
            found.append((AnswerType(kind), reference, answer, OUTCOMES[expected]))
    return found


PAIRS = pairs()


def test_the_suite_is_large_and_has_every_kind_and_outcome():
    assert len(set(PAIRS)) == len(PAIRS) >= 250
    assert {kind for kind, *_ in PAIRS} == set(AnswerType)
    for outcome in OUTCOMES.values():
        assert sum(expected is outcome for *_, expected in PAIRS) >= 25


@pytest.mark.parametrize(("kind", "reference", "answer", "expected"), PAIRS)
def test_hard_pair(kind, reference, answer, expected):
    if kind is AnswerType.LATEX:
        pytest.importorskip("math_verify")
    found = judge(answer, reference, kind)
    assert found.outcome is expected, found.note
    assert found.reward == (1.0 if expected is Outcome.CORRECT else 0.0)


@pytest.mark.parametrize(("kind", "reference", "answer", "expected"), PAIRS)
def test_every_reference_is_its_own_answer(kind, reference, answer, expected):
    assert judge(reference, reference, kind).outcome is Outcome.CORRECT


def test_votes_never_join_what_is_not_equal():
    wrong = [(kind, r, a) for kind, r, a, expected in PAIRS if expected is Outcome.WRONG]
    joined = [(r, a) for kind, r, a in wrong if answer_key(r, kind) == answer_key(a, kind)]
    assert joined == [("x=5", "y=5")]  # the name is the question's, and no vote compares two questions


def test_votes_by_kind_join_what_is_equal_and_leave_out_what_is_not_of_the_kind():
    typed = [(kind, r, a, expected) for kind, r, a, expected in PAIRS if kind is not AnswerType.LATEX]
    apart = [
        (r, a)
        for kind, r, a, expected in typed
        if (answer_key(r, kind) == answer_key(a, kind)) is not (expected is Outcome.CORRECT)
    ]
    assert apart == []
    assert answer_key("about 4", AnswerType.NUMBER) is None
    assert answer_key("25", AnswerType.PERCENTAGE) == answer_key(r"25\%", AnswerType.PERCENTAGE)
    assert canonical_key("25") != canonical_key(r"25\%")  # without a kind they are two answers


def test_votes_do_not_take_words_for_products():
    for one, other in (("dog", "god"), ("tea", "eat"), ("no", "on"), ("eat dog", "tea god"), ("dog, 5", "god, 5")):
        assert canonical_key(one) != canonical_key(other)
        assert canonical_key(one) == canonical_key(f" {one} ")
    assert canonical_key("2ab") == canonical_key("2ba") == canonical_key(r"a \cdot 2b")
    assert canonical_key("Yes") == canonical_key(" yes. ") != canonical_key("No")


def test_a_long_answer_without_words_is_not_the_empty_point():
    pytest.importorskip("math_verify")
    for answer in ("x" * 2500, "." * 2500, "", "'", r"\text{'}", r"\text{()}"):
        assert judge(answer, "()", AnswerType.LATEX).outcome is not Outcome.CORRECT


def test_votes_join_most_of_what_is_equal():
    equal = [(r, a) for kind, r, a, expected in PAIRS if expected is Outcome.CORRECT and kind is AnswerType.LATEX]
    joined = [pair for pair in equal if canonical_key(pair[0]) == canonical_key(pair[1])]
    assert len(joined) > 0.7 * len(equal)
