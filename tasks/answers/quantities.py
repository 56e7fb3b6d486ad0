"""A quantity's number and its unit, as far as the other side tells a unit from a factor."""

from __future__ import annotations

from fractions import Fraction

from tasks.answers.expression import Expr, Head
from tasks.answers.units import unit_of

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


def scaled(expr: Expr, factor: Fraction) -> Expr:
    """So many times a formula."""
    return expr if factor == 1 else Expr(Head.PRODUCT, (Expr(Head.NUMBER, value=factor), expr))


def _split(expr: Expr) -> Quantity:
    if expr.head is Head.UNIT:
        return expr.args[0], expr.label
    if expr.head is Head.PRODUCT and expr.args[-1].head is Head.UNIT:  # -\$5
        unit = expr.args[-1]
        return Expr(Head.PRODUCT, (*expr.args[:-1], unit.args[0])), unit.label
    return expr, None


def _split_letter(expr: Expr, unit: str) -> Quantity:
    """``5 m``, typed where the other side says that m is a unit and not a factor: it measures the same."""
    if expr.head is not Head.PRODUCT or expr.args[-1].head is not Head.SYMBOL:
        return expr, None
    letter = expr.args[-1].label
    found = unit_of(letter)
    if letter == unit or (found.is_known and found.dimension == unit_of(unit).dimension):
        return Expr(Head.PRODUCT, expr.args[:-1]), letter
    return expr, None
