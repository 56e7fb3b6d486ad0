"""A quantity's number and its unit, as far as the other side tells a unit from a factor."""

from __future__ import annotations

from fractions import Fraction

from tasks.answers.expression import Expr, Head, number
from tasks.answers.units import unit_of

_MAX_BASE = 10  # of those whose digits are decimal ones
Quantity = tuple[Expr, str | None]
"""The number, and the unit as written, if there is one."""


def split_units(left: Expr, right: Expr) -> tuple[Quantity, Quantity]:
    """Numbers and units of both sides."""
    one, other = _split(left), _split(right)
    if one[1] is None and other[1] is not None:
        one = _split_letter(left, other[1])
    elif other[1] is None and one[1] is not None:
        other = _split_letter(right, one[1])
    return one, other


def is_quantity(expr: Expr) -> bool:
    """Whether it has a unit."""
    return _split(expr)[1] is not None


def scaled(expr: Expr, factor: Fraction) -> Expr:
    """So many times a formula."""
    return expr if factor == 1 else Expr(Head.PRODUCT, (Expr(Head.NUMBER, value=factor), expr))


def in_base(digits: Expr, unit: str) -> Expr | None:
    """The number that a whole number's digits are in ``base 8``; None for other units and digits that it lacks."""
    base = unit.removeprefix("base ")
    if digits.head is not Head.NUMBER or not base.isdecimal() or not 2 <= int(base[:3]) <= _MAX_BASE:
        return None
    try:
        return number(int(str(digits.value), int(base)))
    except ValueError:
        return None


def _split(expr: Expr) -> Quantity:
    if expr.head is Head.UNIT:
        return expr.args[0], expr.label
    if expr.head is Head.PRODUCT and expr.args[-1].head is Head.UNIT:  # -\$5
        unit = expr.args[-1]
        return Expr(Head.PRODUCT, (*expr.args[:-1], unit.args[0])), unit.label
    return expr, None


def _split_letter(expr: Expr, unit: str) -> Quantity:
    """``5 m`` and ``5 m/s``, typed where the other side's unit says that m is none of the factors."""
    number, letter = expr, ""
    if expr.head is Head.QUOTIENT and expr.args[1].head is Head.SYMBOL:
        number, letter = expr.args[0], f"/{expr.args[1].label}"
    if number.head is not Head.PRODUCT or number.args[-1].head is not Head.SYMBOL:
        return expr, None
    letter = number.args[-1].label + letter
    found = unit_of(letter)
    if letter == unit or (found.is_known and found.dimension == unit_of(unit).dimension):
        return Expr(Head.PRODUCT, number.args[:-1]), letter
    return expr, None
