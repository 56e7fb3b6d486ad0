from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import UserError
from tasks.suites.instructions import CONSTRAINT_IDS, check, check_arguments, check_loose

AT_LEAST, LESS = "at least", "less than"
# Constraint, arguments, texts that follow it, texts that do not.
KNOWN = [
    ("keywords:existence", {"keywords": ["fox", "old hen"]}, ["The Fox and the OLD HEN."], ["fox", "old fox, hen"]),
    ("keywords:existence", {"keywords": ["a.c"]}, ["a.c"], ["abc"]),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["cat", "no way"]},
        ["concatenate", "a way", "cat_", "cats"],
        ["a Cat.", "cat", "(cat)", "concat cat", "No way!"],
    ),
    (
        "keywords:frequency",
        {"keyword": "ha", "frequency": 2, "relation": AT_LEAST},
        ["Haha", "ha that"],
        ["ha", "h a h a"],
    ),
    ("keywords:frequency", {"keyword": "ha", "frequency": 2, "relation": LESS}, ["ha", "x"], ["haha", "ha ha ha"]),
    (
        "keywords:letter_frequency",
        {"letter": "e", "let_frequency": 3, "let_relation": LESS},
        ["bee", "x"],
        ["Eel eats", "eee"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": AT_LEAST},
        ["one two three", "a-b c", "1 2 3 4"],
        ["one two", "a . b"],
    ),
    ("length_constraints:number_words", {"num_words": 3, "relation": LESS}, ["one, two"], ["a b c", "don't know"]),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": AT_LEAST},
        ["One. Two.", "What?! No", 'He said "no." Then he left.', "No. Yes", "so am I. We go."],
        ["One", "Dr. Who came", "e.g. this one.", "J. S. Bach wrote", "3.14 is pi.", "...", "one two three"],
    ),
    ("length_constraints:number_sentences", {"num_sentences": 2, "relation": LESS}, ["Mr. Fox ran."], ["A b. C d."]),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["a\n***\nb", "***a***b***"],
        ["a", "a\n\nb", "a***b***c", "a***   ***b"],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n* b", "intro\n  - a\n * b\nend"],
        ["* a", "* a\n** b", "*\n*", "* a\n* b\n- c"],
    ),
    ("detectable_format:json_format", {}, ['{"a": 1}', "```json\n[1]\n```", " 3 "], ["{a: 1}", "{", "```json", "x"]),
    ("detectable_format:title", {}, ["<<a fox>>", "x\n<<<a>>> b"], ["<a>", "<<>>", "<< >>", "<<a\n>>", ">>a<<"]),
    ("detectable_content:postscript", {"postscript_marker": "P.S."}, ["x\nP.S. y", "p. s. y"], ["PS y", "P.P S"]),
    ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["x P.P.S y", "p. p. s"], ["P.S. y"]),
    ("detectable_content:number_placeholders", {"num_placeholders": 2}, ["[a] [b] [c]", "[][]"], ["[a]", "[a\n] [b]"]),
    ("change_case:english_lowercase", {}, ["a fox.", "3 foxes"], ["A fox", "3"]),
    ("change_case:english_capital", {}, ["A FOX.", "3 FOXES"], ["A FOx", "3"]),
    ("punctuation:no_comma", {}, ["a; b."], ["a, b", ","]),
    ("startend:end_checker", {"end_phrase": "The end."}, ["x the END.", '"x. The end."\n'], ["the end", "The end. x"]),
    ("startend:quotation", {}, ['"a"', ' "a "b" c"\n'], ['"', '"a', "'a'", "a"]),
]


@pytest.mark.parametrize(("name", "kwargs", "good", "bad"), KNOWN, ids=[f"{k[0]}-{i}" for i, k in enumerate(KNOWN)])
def test_known_texts(name, kwargs, good, bad):
    for text in good:
        assert check(name, kwargs, text), text
    for text in [*bad, "", " \n"]:
        assert not check(name, kwargs, text), text


def test_every_constraint_is_tried():
    assert {name for name, *_ in KNOWN} == set(CONSTRAINT_IDS)
    assert len(CONSTRAINT_IDS) >= 12


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("Sure, here it is:\na fox", True),  # the first line is left out
        ("a fox\nHope this helps, friend", True),
        ("Sure,\na fox\nbye,", True),
        ("Sure,\na fox, a hen\nbye,", False),
        ("a, b", False),  # no line is left
    ],
)
def test_loose_leaves_out_outer_lines(text, loose):
    assert not check("punctuation:no_comma", {}, text)
    assert check_loose("punctuation:no_comma", {}, text) is loose


def test_loose_leaves_out_asterisks():
    assert not check("startend:quotation", {}, '**"a"**')
    assert check_loose("startend:quotation", {}, '**"a"**')
    assert check_loose("startend:quotation", {}, 'Here:\n*"a"*')


@given(st.text(alphabet='aA,*"\n. <>[]-', max_size=40))
def test_what_is_strictly_followed_is_loosely_followed(text):
    for name, kwargs, *_ in KNOWN:
        assert check_loose(name, kwargs, text) >= check(name, kwargs, text)


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("keywords:existance", {}, "no constraint 'keywords:existance'; there are keywords:existence, "),
        ("keywords:existence", {}, "needs the argument keywords, a list"),
        ("keywords:existence", {"keywords": "fox"}, "keywords must be a list of 1 to 50 texts .* got 'fox'"),
        ("keywords:existence", {"keywords": []}, "keywords must be"),
        ("keywords:existence", {"keywords": ["a", " "]}, "keywords must be"),
        ("keywords:frequency", {"keyword": "a", "frequency": True, "relation": AT_LEAST}, "frequency must be a whole"),
        ("keywords:frequency", {"keyword": "a", "frequency": 1, "relation": "more"}, "relation must be 'at least'"),
        ("keywords:letter_frequency", {"letter": "ab", "let_frequency": 1, "let_relation": LESS}, "one letter"),
        ("length_constraints:number_words", {"num_words": -1, "relation": LESS}, r"in 0\.\.100000, got -1"),
        ("startend:end_checker", {"end_phrase": "x" * 501}, "end_phrase must be a text of 1 to 500"),
        ("punctuation:no_comma", {"n": 1}, r"takes no argument 'n' \(it takes: none\)"),
    ],
)
def test_wrong_arguments_are_told(name, kwargs, message):
    for how in (check, check_loose):
        with pytest.raises(UserError, match=message):
            how(name, kwargs, "a text")


def test_rows_filled_up_with_null_are_read():
    kwargs = {"keywords": ["a"], "num_words": None, "relation": None}
    assert check_arguments("keywords:existence", kwargs) == {"keywords": ["a"]}


HOSTILE = [
    "<" * 200_000,
    "[" * 200_000,
    "\n" * 200_000,
    "." * 200_000 + "x",
    "a." * 100_000,
    "*" * 200_001,
    '."' * 99_999,
]
HOSTILE += ["a" * 200_000 + "b", "[" * 100_000 + "]" * 100_000, "{" * 200_000, " " * 200_000 + "x", "p. " * 70_000]


def test_hostile_texts_cost_no_more_than_their_length():
    started = time.process_time()
    for text in HOSTILE:
        for name, kwargs, *_ in KNOWN:
            check(name, kwargs, text)
        check("keywords:forbidden_words", {"forbidden_words": ["a" * 400 + "c", "a" * 400]}, text)
    assert time.process_time() - started < 20  # 276 checks of 200,000 characters
