from __future__ import annotations

import random
import re
import time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.graders.linear_regex import LinearRegex, TooMuchWork, UnsupportedPattern

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", r"\w", r"\s", r"\b", r"\B", "^", "$", r"\n", r"\Z", "", r"[^\d\n]"]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map("(?:{0[0]}|{0[1]})".format),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "*?", "{0,2}?", "{2,}"])).map(
            lambda both: f"({both[0]}){both[1]}"
        ),
    ),
    max_leaves=7,
)


@settings(max_examples=400)
@given(PATTERNS, st.text("ab_ \n1A", max_size=7), st.sampled_from(["", "(?i)", "(?s)", "(?m)", "(?ms)"]))
def test_it_says_what_re_says(pattern, text, flags):
    assume(text or "\\B" not in pattern)  # Python before 3.14 finds no \\B in an empty text
    ours, theirs = LinearRegex(flags + pattern), re.compile(flags + pattern)
    assert ours.matches(text, full=True) == bool(theirs.fullmatch(text))
    assert ours.matches(text, full=False) == bool(theirs.search(text))


def test_hard_cases_for_going_back_take_no_time():
    begun = time.process_time()
    assert not LinearRegex(r"(a+)+$").matches("a" * 5_000 + "b", full=True)
    assert not LinearRegex(r"(a|aa)+(a|a?)+$").matches("a" * 5_000 + "b", full=False)
    assert LinearRegex(r"(x?){50}x{50}").matches("x" * 50, full=True)
    assert time.process_time() - begun < 5


def test_scoped_flags_and_verbose():
    assert LinearRegex("(?i:a)b").matches("Ab", full=True)
    assert not LinearRegex("(?i:a)b").matches("AB", full=True)
    assert LinearRegex("(?x) a  b # c").matches("ab", full=True)
    assert LinearRegex("straße", ignore_case=True).matches("STRAßE", full=True)


@pytest.mark.parametrize(
    "pattern",
    [r"(a)\1", "(?=a)", "(?!a)", "(?<=a)b", "(?>a)", "a*+", "(", "a{9999}{9999}", "x" * 3000, "(?a)b", "(?(1)a)"],
)
def test_what_cannot_be_linear_is_refused(pattern):
    with pytest.raises(UnsupportedPattern):
        LinearRegex(pattern)


def test_work_is_bounded():
    text = "".join(random.Random(0).choices("ab", k=100_000))
    with pytest.raises(TooMuchWork):
        LinearRegex("(a|b)*a(a|b){300}c").matches(text, full=False)
