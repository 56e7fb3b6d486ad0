"""A quantity's number and its unit, as far as the other side tells a unit from a factor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

from tasks.answers.expression import Expr, Head, number
from tasks.answers.units import unit_of

_MAX_BASE = 10  # of those whose digits are decimal ones
_MAX_POWER = 9
_VARIABLES = frozenset(("am", "pm", "in", "mi", "min"))  # letters that are factors as often
Quantity = tuple[Expr, str | None]
"""The number, and the unit as written, if there is one."""


class Written(NamedTuple):
    """A unit found among factors; ``is_certain``: by a name that is no single letter."""

    text: str
    is_certain: bool


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


def peel(expr: Expr, is_unit: Callable[[Written], bool]) -> Quantity:
    """The number and the unit of what was parsed as a product (``9.8 m/s^2``), if ``is_unit`` takes what is written."""
    args = expr.args
    if expr.head is Head.QUOTIENT and (below := _written(args[1])) is not None and "/" not in below[0]:
        top, above = peel(args[0], lambda found: is_unit(_joined((found, below), "/")))
        return (top, f"{above}/{below[0]}") if above else (expr, None)
    if expr.head is not Head.PRODUCT:
        return expr, None
    found: list[Written] = []
    for arg in reversed(args[1:]):
        if arg.head is Head.PRODUCT or (written := _written(arg)) is None:  # 2(km) is no length
            break
        found.insert(0, written)
    for index in range(len(found)):  # the longest first
        unit = _joined(found[index:], "*")
        if is_unit(unit):
            kept = args[: len(args) - len(found) + index]
            return kept[0] if len(kept) == 1 else Expr(Head.PRODUCT, kept), unit.text
    inner, below_sign = peel(args[-1], is_unit)  # -5 m
    return (Expr(Head.PRODUCT, (*args[:-1], inner)), below_sign) if below_sign else (expr, None)


def _written(expr: Expr) -> Written | None:
    """What is nothing but known units, as a unit is written: ``km/h``, ``kg*m/s^2``."""
    args = expr.args
    match expr.head:
        case Head.TEXT:
            return Written(expr.label, True) if unit_of(expr.label).is_known else None
        case Head.SYMBOL:
            return Written(expr.label, False) if unit_of(expr.label).is_known else None
        case Head.PRODUCT if expr.label and unit_of(expr.label).is_known:
            return Written(expr.label, expr.label not in _VARIABLES)
        case Head.PRODUCT | Head.QUOTIENT:
            parts = [_written(arg) for arg in args]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts) or any("/" in part.text for part in known):
                return None
            return _joined(known, "/" if expr.head is Head.QUOTIENT else "*")
        case Head.POWER if args[1].head is Head.NUMBER and args[1].value.denominator == 1:
            base = _written(args[0])
            if base is None or not base.text.isalpha() or abs(args[1].value) > _MAX_POWER:
                return None
            return Written(f"{base.text}^{args[1].value}", base.is_certain)
    return None


def _joined(parts: Sequence[Written], sign: str) -> Written:
    return Written(sign.join(part.text for part in parts), any(part.is_certain for part in parts))


def _split(expr: Expr) -> Quantity:
    if expr.head is Head.UNIT:
        return expr.args[0], expr.label
    if expr.head is Head.PRODUCT and expr.args[-1].head is Head.UNIT:  # -\$5
        unit = expr.args[-1]
        return Expr(Head.PRODUCT, (*expr.args[:-1], unit.args[0])), unit.label
    return expr, None


def _split_letter(expr: Expr, unit: str) -> Quantity:
    """``5 m`` and ``5 m/s``, typed where the other side's unit says that m is none of the factors."""
    wanted = unit_of(unit).dimension
    return peel(expr, lambda found: found.text == unit or unit_of(found.text).dimension == wanted)
