"""What holds for every answer: nothing raises, equality is symmetric where forms are alike, arithmetic is right."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.answers import AnswerType, canonical_key, is_readable
from tasks.answers.equality import Comparison
from tasks.answers.exact import equal, expand
from tasks.answers.parser import parse
from tasks.answers.polynomial import Undefined, Work
from tasks.answers.tokens import Unreadable
from tasks.answers.typed import parse_or_none, read_members, read_number, same_members

LINES = r"""
\frac \sqrt \left( \right) \pi \infty \pm \cup \{ \} \text{a} \text{cm} \begin{pmatrix} \end{pmatrix} \\ ^\circ
\sin \log_ \cdot \le \in \binom \overline{3} \lfloor \rfloor ( ) [ ] { } | , ; : = < + - * / ^ _ ! % $ \$ . '
\text{km} km \mathrm{m/s^2} m s h per
0 1 2 10 3.5 .5 1,000 007 x y i e n abc degrees and or inf true 9^9 é √
"""
PIECES = [*LINES.split(), "\u2212", "\x00", "\n"]
LATEX = st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join) | st.lists(
    st.sampled_from(PIECES), max_size=12
).map("".join)
WHOLE = st.integers(-(10**6), 10**6)


@settings(max_examples=400, deadline=1000)
@given(LATEX, LATEX)
def test_no_text_raises_and_what_is_read_equals_itself(text, other):
    canonical_key(text)
    for kind in AnswerType:
        is_readable(text, kind)
    tree, another = parse_or_none(text), parse_or_none(other)
    if tree is not None and another is not None:
        assert Comparison().same(tree, tree) is True
        forth, back = Comparison().same(tree, another), Comparison().same(another, tree)
        assert {forth, back} != {True, False}


@given(WHOLE, st.integers(1, 10**6), WHOLE, st.integers(1, 10**6))
def test_arithmetic_is_that_of_fractions(a, b, c, d):
    one, other = Fraction(a, b), Fraction(c, d)
    for sign, expected in (("+", one + other), ("-", one - other), (r"\cdot", one * other)):
        assert value_of(rf"\frac{{{a}}}{{{b}}} {sign} \left(\frac{{{c}}}{{{d}}}\right)") == expected
    if c:
        assert value_of(rf"({a}/{b}) / ({c}/{d})") == one / other


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["\\frac", "\\dfrac", "\\tfrac"]))
def test_a_fraction_that_is_read_without_the_parser_is_what_the_parser_reads(top, bottom, command):
    written = rf"{command}{{{top}}}{{{bottom}}}"
    assert read_number(written) == read_number(f"{{{written}}}")  # in braces only the parser reads it
    assert (read_number(written) is None) is (bottom == 0)


@given(st.integers(-9, 9), st.integers(1, 9), st.integers(-9, 9), st.integers(0, 5))
def test_polynomials_are_compared_as_functions(a, b, c, power):
    expanded = expand(parse(rf"(x+({a}))({b}x+({c}))^{{{power}}}"))
    for x in (Fraction(1, 3), Fraction(-7, 2)):
        terms = [value * x ** int(dict(monomial).get("$x", 0)) for monomial, value in expanded.top.items()]
        assert sum(terms) == (x + a) * (b * x + c) ** power
    assert equal(expanded, expand(parse(rf"({b}x+({c}))^{{{power}}}({a}+x)")), Work()) is True
    assert equal(expanded, expand(parse(rf"({b}x+({c}))^{{{power}}}({a + 1}+x)")), Work()) is False


@given(st.integers(1, 10**4), st.integers(1, 10**4), st.integers(2, 5))
def test_roots_are_unique(a, b, degree):
    left, right = rf"\sqrt[{degree}]{{{a}}}\sqrt[{degree}]{{{b}}}", rf"\sqrt[{degree}]{{{a * b}}}"
    assert canonical_key(left) == canonical_key(right)
    assert canonical_key(rf"\sqrt[{degree}]{{{a}}}") != canonical_key(rf"\sqrt[{degree}]{{{a + 1}}}")
    assert canonical_key(rf"\left({left}\right)^{{{degree}}}") == a * b


@given(st.lists(st.fractions(max_denominator=50), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_sets_have_no_order_and_lists_have_one(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    one, other = (read_members(", ".join(map(str, each))) for each in (values, shuffled))
    assert same_members(one, other, is_ordered=False)[0] is True
    assert same_members(one, other, is_ordered=True)[0] is (values == shuffled)


def value_of(text: str) -> Fraction | None:
    try:
        return expand(parse(text)).value
    except (Unreadable, Undefined):
        return None
