r"""Sines of the angles that have one in square roots: multiples of 30 and 45 degrees."""

from __future__ import annotations

from fractions import Fraction

from tasks.answers.polynomial import Polynomial, constant

_HALF = Fraction(1, 2)
_FIRST_QUARTER: dict[int, Polynomial] = {
    0: {},
    30: constant(_HALF),
    45: {(("#2", _HALF),): _HALF},
    60: {(("#3", _HALF),): _HALF},
    90: constant(1),
}


def sine(degrees: Fraction) -> Polynomial | None:
    """The exact sine of an angle; None if it is not in the table."""
    if degrees.denominator != 1:
        return None
    angle = degrees.numerator % 360
    sign = 1 if angle < 180 else -1
    found = _FIRST_QUARTER.get(min(angle % 180, 180 - angle % 180))
    return None if found is None else {monomial: sign * value for monomial, value in found.items()}


def cosine(degrees: Fraction) -> Polynomial | None:
    """The exact cosine of an angle; None if it is not in the table."""
    return sine(degrees + 90)


def degrees_of(angle: Polynomial) -> Fraction | None:
    """The degrees of a rational multiple of pi; None for any other number."""
    if not angle:
        return Fraction(0)
    pi = (("$pi", Fraction(1)),)
    return angle[pi] * 180 if set(angle) == {pi} else None
