"""The typed kinds: what each reads, and when two of it are equal. Nothing here needs math-verify."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache

from tasks.answers.equality import MAX_MEMBERS, MAX_STEPS, Comparison
from tasks.answers.expression import Expr, Head
from tasks.answers.forms import bare, normal, plain_words, without_common_name
from tasks.answers.intervals import is_interval, merged
from tasks.answers.kinds import AnswerType
from tasks.answers.number import MAX_LENGTH, Number, read_plain
from tasks.answers.parser import parse
from tasks.answers.polynomial import Work
from tasks.answers.tokens import GREEK, MAX_TEXT, NAMES, Unreadable

MAX_WORDS = 2000
"""Longest text, in characters, that is an answer of words."""

_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}
_BRACKETS = re.compile(r"\\left|\\right|\\(?=[{}])")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_AND = re.compile(r"\s+and\s+|\\text\{\s*and\s*\}")
_WORD = re.compile(r"[A-Za-z][A-Za-z .'-]+")
_FRACTION = re.compile(r"\\[dt]?frac\{([0-9]{1,64})\}\{([0-9]{1,64})\}")


@lru_cache(maxsize=4096)
def parse_or_none(text: str, grouping: bool = True) -> Expr | None:
    """The tree of an answer, or None."""
    try:
        return parse(text, grouping)
    except Unreadable:
        return None


def read_number(text: str) -> Number | None:
    r"""A number as ``read_plain`` takes it, or in LaTeX: ``\frac{1}{2}``, ``1\frac{1}{2}``, ``1.5 \times 10^3``,
    ``0.\overline{3}``, between dollar signs. Not a calculation (``2+2``), and nothing with words or units.
    """
    found = read_plain(text)
    if found is None and len(text) <= 4 * MAX_LENGTH:
        if (fraction := _FRACTION.fullmatch(text)) is not None:  # what the parser would make of it, sooner
            top, bottom = int(fraction[1]), int(fraction[2])
            return Number(Fraction(top, bottom)) if bottom else None
        expr = parse_or_none(text.strip())
        found = None if expr is None else _literal(expr)
    return found


def read_integer(text: str) -> Number | None:
    """A whole number, however it is written."""
    return _if(read_number(text), lambda number: number.value.denominator == 1 and not number.is_percent)


def read_decimal(text: str) -> Number | None:
    """A number with finitely many decimals, however it is written."""
    return _if(read_number(text), lambda number: not number.is_percent and _terminates(number.value.denominator))


def read_fraction(text: str) -> Number | None:
    """A rational number, however it is written."""
    return _if(read_number(text), lambda number: not number.is_percent)


def read_percentage(text: str) -> Number | None:
    """So many per cent, with the sign or without."""
    found = read_number(text)
    return None if found is None else Number(found.value, is_percent=True)


def read_boolean(text: str) -> bool | None:
    """True or false, yes or no, in any case."""
    return _BOOLEANS.get(plain_words(text[:MAX_LENGTH])) if len(text) <= MAX_LENGTH else None


def read_words(text: str) -> str | None:
    """The words in lower case, single-spaced, in Unicode's composed form; None for none or more than MAX_WORDS."""
    if len(text) > MAX_WORDS:
        return None
    return plain_words(unicodedata.normalize("NFC", text)) or None


def read_members(text: str) -> tuple[Expr, ...] | None:
    """The members of a list or set, in brackets of any kind or none; a comma always separates, unless ; does."""
    text = _BRACKETS.sub("", text.strip().strip("$")).strip()
    if len(text) > MAX_TEXT:
        return None
    if text[:1] in _PAIRS and _closes(text) == len(text) - 1:
        text = text[1:-1].strip()
    if text in ("", "\\emptyset", "\\varnothing", "∅"):
        return ()
    members = [_member(part.strip()) for part in _split(_AND.sub(",", text))]
    found = tuple(member for member in members if member is not None)
    return found if len(found) == len(members) else None


def read_intervals(text: str) -> Expr | None:
    r"""An interval, a union of intervals and points, an inequality that says the same, or the empty set.

    None too for more than MAX_MEMBERS intervals.
    """
    expr = parse_or_none(text)
    if expr is None:
        return None
    found = bare(normal(expr))
    if not is_interval(found):
        return None
    parts = found.args if found.head is Head.UNION else (found,)
    work = Work(MAX_STEPS // 3)  # all ends together; the comparison has its own
    if sum(len(part.args) for part in parts) > 2 * MAX_MEMBERS:
        return None
    are_ordered = all(node.head is not Head.GROUP or _is_ordered(node, work) is not False for node in parts)
    return found if are_ordered else None


def same_members(reference: Sequence[Expr], answer: Sequence[Expr], is_ordered: bool) -> tuple[bool | None, str]:
    """Equal one by one, or as sets; and a note."""
    comparison = Comparison()
    one, other = (without_common_name([*map(normal, members)]) for members in (reference, answer))
    return (comparison.ordered if is_ordered else comparison.unordered)(one, other), comparison.note


def same_intervals(reference: Expr, answer: Expr) -> tuple[bool | None, str]:
    """Equal as sets of real numbers; and a note."""
    comparison = Comparison()
    return comparison.unions(reference, answer), comparison.note


NUMBER_READERS: dict[AnswerType, Callable[[str], Number | None]] = {
    AnswerType.NUMBER: read_number,
    AnswerType.INTEGER: read_integer,
    AnswerType.DECIMAL: read_decimal,
    AnswerType.FRACTION: read_fraction,
    AnswerType.PERCENTAGE: read_percentage,
}


def _if(number: Number | None, condition: Callable[[Number], bool]) -> Number | None:
    return number if number is not None and condition(number) else None


def _terminates(denominator: int) -> bool:
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def _literal(expr: Expr) -> Number | None:
    """A number that is written out, with a sign, a dollar sign in front or a per cent sign behind."""
    if expr.head is Head.UNIT and expr.label in ("%", "$"):
        value = _written(expr.args[0])
        return None if value is None else Number(value, expr.label == "%")
    value = _written(expr)
    return None if value is None else Number(value)


def _written(expr: Expr) -> Fraction | None:
    args = expr.args
    match expr.head:
        case Head.NUMBER:
            return expr.value
        case Head.QUOTIENT if all(arg.head is Head.NUMBER and arg.value.denominator == 1 for arg in args):
            return args[0].value / args[1].value if args[1].value else None
        case Head.MIXED:
            part = _written(args[1])
            return None if part is None else args[0].value + part
        case Head.PRODUCT if len(args) == 2 and args[0].head is Head.NUMBER:
            if args[0].value == -1 and args[1].head is not Head.PRODUCT:
                value = _written(args[1])
            else:
                value = _power_of_ten(args[1])
            return None if value is None else args[0].value * value
        case Head.POWER:
            return _power_of_ten(expr)
    return None


def _power_of_ten(expr: Expr) -> Fraction | None:
    if expr.head is not Head.POWER or any(arg.head is not Head.NUMBER for arg in expr.args):
        return None
    base, power = expr.args[0].value, expr.args[1].value
    return base**power.numerator if base == 10 and power.denominator == 1 and abs(power) <= 400 else None


def _closes(text: str) -> int:
    """Where the bracket that a text begins with is closed, by any closing bracket; -1 if nowhere."""
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return position
    return -1


def _split(text: str) -> list[str]:
    """At the separators outside brackets."""
    parts: dict[str, list[int]] = {",": [-1], ";": [-1]}
    depth = 0
    for position, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0 and sign in parts:
            parts[sign].append(position)
    cuts = parts[";"] if len(parts[";"]) > 1 else parts[","]
    found = [text[a + 1 : b] for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    return [part for part in found if part.strip()] if len(found) > 1 and not found[-1].strip() else found


def _member(text: str) -> Expr | None:
    if _WORD.fullmatch(text) and text not in NAMES | GREEK:
        return Expr(Head.TEXT, label=text)
    expr = parse_or_none(text)
    if expr is None or expr.head is Head.LIST:
        return Expr(Head.TEXT, label=text) if any(map(str.isalpha, text)) else None
    return expr


def _is_ordered(interval: Expr, work: Work) -> bool | None:
    """Whether an interval's ends are in order; None where they are not rational."""
    whole = merged(interval, work)
    if whole is not None:
        return True
    closed = merged(Expr(Head.SET, interval.args), work)
    return None if closed is None else False
