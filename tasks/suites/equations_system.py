"""Linear equations of suite ``equations``: how they are written, read, combined and solved, exactly.

``2x+3y=8, x-y=-1`` is a problem; its equations are called A, B (and C), those that steps state D, E and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

UNKNOWNS = "xyz"
LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Static limits: enough for every system that can be drawn, and never a number that is slow to read.
_FACTOR = "[1-9][0-9]{0,5}"
_TERM = re.compile(rf"([+-]?)({_FACTOR}|)([xyz])")
_LEFT = rf"(?:-?(?:{_FACTOR})?[xyz](?:[+-](?:{_FACTOR})?[xyz]){{0,2}}|0)"
_EQUATION = re.compile(rf"({_LEFT})=(-?[0-9]{{1,12}}(?:/[1-9][0-9]{{0,11}})?)")
_PART = re.compile(rf"([+-]?)({_FACTOR}|)([A-Z])(?:/({_FACTOR}))?")
_UNSIGNED = rf"(?:{_FACTOR})?[A-Z](?:/{_FACTOR})?"
_PARTS = re.compile(rf"-?{_UNSIGNED}(?:[+-]{_UNSIGNED}){{0,2}}")


@dataclass(frozen=True, slots=True)
class Equation:
    """The coefficients of the unknowns in order, and the right side."""

    coefficients: tuple[Fraction, ...]
    right: Fraction

    @property
    def text(self) -> str:
        """As in ``2x-y=1/2``."""
        left = "".join(
            f"{'-' if value < 0 else '+'}{'' if abs(value) == 1 else abs(value)}{name}"
            for name, value in zip(UNKNOWNS, self.coefficients, strict=False)
            if value
        )
        return f"{left.removeprefix('+') or 0}={self.right}"

    @property
    def isolated(self) -> tuple[str, Fraction] | None:
        """The unknown and its value in an equation such as ``y=2``; None for any other."""
        places = [place for place, value in enumerate(self.coefficients) if value]
        if len(places) != 1 or self.coefficients[places[0]] != 1:
            return None
        return UNKNOWNS[places[0]], self.right


Combination = tuple[tuple[Fraction, str], ...]
"""Factors and labels: ``3A-2B`` is ((3, "A"), (-2, "B"))."""


def read_equation(text: str, unknowns: int) -> Equation | None:
    """The inverse of ``Equation.text``; None for another text, an unknown too many or one that comes twice."""
    found = _EQUATION.fullmatch(text)
    if found is None:
        return None
    terms = {name: Fraction(f"{sign}{digits or 1}") for sign, digits, name in _TERM.findall(found[1])}
    if len(terms) != len(_TERM.findall(found[1])) or not terms.keys() <= set(UNKNOWNS[:unknowns]):
        return None
    return Equation(tuple(terms.get(name, Fraction(0)) for name in UNKNOWNS[:unknowns]), Fraction(found[2]))


def write_combination(combination: Combination) -> str:
    """As in ``3A-2B`` or ``D/5``."""
    parts = []
    for factor, label in combination:
        digits = "" if abs(factor.numerator) == 1 else str(abs(factor.numerator))
        below = "" if factor.denominator == 1 else f"/{factor.denominator}"
        parts.append(f"{'-' if factor < 0 else '+'}{digits}{label}{below}")
    return "".join(parts).removeprefix("+")


def read_combination(text: str) -> Combination | None:
    """The inverse of ``write_combination``, of at most three labels; None for another text."""
    if _PARTS.fullmatch(text) is None:
        return None
    found = _PART.findall(text)
    return tuple((Fraction(int(f"{sign}{top or 1}"), int(below or 1)), label) for sign, top, label, below in found)


def combine(combination: Combination, known: Mapping[str, Equation]) -> Equation | None:
    """What a combination comes to; None if it names an equation that is not known."""
    if not all(label in known for _, label in combination):
        return None
    rows = [
        [factor * value for value in (*known[label].coefficients, known[label].right)] for factor, label in combination
    ]
    *left, right = (sum(column, Fraction(0)) for column in zip(*rows, strict=True))
    return Equation(tuple(left), right)


def solve(equations: Sequence[Equation]) -> tuple[Fraction, ...] | None:
    """The one solution of as many equations as unknowns (Cramer's rule); None if there is not exactly one."""
    rows = [list(equation.coefficients) for equation in equations]
    whole = _determinant(rows)
    if whole == 0:
        return None
    values = []
    for place in range(len(rows)):
        replaced = [[*row[:place], each.right, *row[place + 1 :]] for row, each in zip(rows, equations, strict=True)]
        values.append(_determinant(replaced) / whole)
    return tuple(values)


def _determinant(rows: list[list[Fraction]]) -> Fraction:
    if len(rows) == 1:
        return rows[0][0]
    total = Fraction(0)
    for place, value in enumerate(rows[0]):
        total += (-1) ** place * value * _determinant([[*row[:place], *row[place + 1 :]] for row in rows[1:]])
    return total


def read_system(prompt: str) -> tuple[Equation, ...]:
    """The equations of a problem. Raises ValueError for a text of another form."""
    texts = prompt.removesuffix("\n").split(", ")
    found = [read_equation(text, len(texts)) for text in texts] if 2 <= len(texts) <= len(UNKNOWNS) else []
    equations = tuple(equation for equation in found if equation is not None)
    if len(equations) != len(texts) or not prompt.endswith("\n") or solve(equations) is None:
        raise ValueError(f"not a system of equations: {prompt!r:.80}")
    return equations


def write_values(values: Sequence[Fraction]) -> str:
    """As in ``x=1/2, y=-3``."""
    return ", ".join(f"{name}={value}" for name, value in zip(UNKNOWNS, values, strict=False))
