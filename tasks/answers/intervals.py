"""Sets of real numbers with rational ends: unions merged, so that equal sets are equal tuples."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from tasks.answers.approximate import NoValue, value_of
from tasks.answers.exact import expand
from tasks.answers.expression import Expr, Head
from tasks.answers.forms import INFINITY, MINUS_INFINITY
from tasks.answers.polynomial import TooLarge, Undefined, Work

End = tuple[Fraction, int]
"""A place on the line: the number, and 0 for just below it, 1 for just above it."""

_FAR = Fraction(10) ** 5000  # beyond every number that is read
_EDGE = 1e50  # of floating-point places
_APART = 1e-6  # ends that are surely two, as a share of their size
Intervals = tuple[tuple[End, End], ...]


def is_interval(expr: Expr) -> bool:
    """By its shape: an interval, a set in braces, or a union of such."""
    if expr.head is Head.UNION:
        return all(is_interval(arg) for arg in expr.args)
    return expr.head is Head.SET or (expr.head is Head.GROUP and len(expr.args) == 2)


def merged(expr: Expr, work: Work) -> Intervals | None:
    """The set as disjoint intervals in order; None if an end is not rational or lies left of its beginning."""
    parts: list[tuple[End, End]] = []
    for part in expr.args if expr.head is Head.UNION else (expr,):
        found = _parts_of(part, work)
        if found is None:
            return None
        parts += found
    result: list[tuple[End, End]] = []
    for begin, end in sorted(parts):
        if result and begin <= result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        else:
            result.append((begin, end))
    return tuple(result)


def differ(left: Expr, right: Expr) -> bool:
    """Whether a place that is clearly between ends is in one of the two sets and not in the other."""
    try:
        one, other = _spans(left), _spans(right)
    except (NoValue, OverflowError, ZeroDivisionError, ValueError):
        return False
    ends = sorted({end for span in one + other for end in span})
    between = [(a + b) / 2 for a, b in pairwise(ends) if b - a > _APART * max(1.0, abs(a), abs(b))]
    return any(_holds(one, place) is not _holds(other, place) for place in between)


def _spans(expr: Expr) -> list[tuple[float, float]]:
    parts = expr.args if expr.head is Head.UNION else (expr,)
    return [(_place(part.args[0]), _place(part.args[1])) for part in parts if part.head is Head.GROUP]


def _place(end: Expr) -> float:
    if end in (INFINITY, MINUS_INFINITY):
        return _EDGE if end == INFINITY else -_EDGE
    return value_of(end)


def _holds(spans: list[tuple[float, float]], place: float) -> bool:
    return any(begin < place < end for begin, end in spans)


def _parts_of(expr: Expr, work: Work) -> list[tuple[End, End]] | None:
    if not is_interval(expr) or expr.head is Head.UNION:
        return None
    values = [_value_of(arg, work) for arg in expr.args]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if expr.head is Head.SET:
        return [((value, 0), (value, 1)) for value in known]
    begin, end = (known[0], int(expr.label[0] == "(")), (known[1], int(expr.label[1] == "]"))
    return [(begin, end)] if begin < end else None


def _value_of(expr: Expr, work: Work) -> Fraction | None:
    if expr in (INFINITY, MINUS_INFINITY):
        return _FAR if expr == INFINITY else -_FAR
    try:
        return expand(expr, work).value
    except (TooLarge, Undefined):
        return None
