"""Solves the systems of suite ``equations`` step by step, with the misconceptions that it is told to show."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

import numpy as np

from tasks.suites.equations_system import LABELS, Combination, Equation, combine, write_combination, write_values
from tasks.suites.slips import Slips


class Elimination:
    """Gauss's elimination, written down; it goes on from what it stated, right or wrong."""

    def __init__(self, equations: tuple[Equation, ...], slips: Slips, rate: float, rng: np.random.Generator) -> None:
        self._known = dict(zip(LABELS, equations, strict=False))
        self._slips, self._rate, self._rng = slips, rate, rng
        self._lines: list[str] = []

    def run(self) -> str:
        """The solution; empty if a slip has left the system without exactly one solution."""
        rows, pivots = list(self._known), []
        for place in range(len(rows)):
            usable = [label for label in rows if self._coefficient(label, place)]
            if not usable:
                return ""
            pivot = min(usable, key=lambda label: (abs(self._coefficient(label, place)), label))
            pivots.append(pivot)
            rows = [self._eliminated(label, pivot, place) for label in rows if label != pivot]
        isolated: dict[int, str] = {}
        for place in reversed(range(len(pivots))):
            label = pivots[place]
            for later in sorted(isolated):
                if self._coefficient(label, later):
                    label = self._state(((Fraction(1), label), (-self._coefficient(label, later), isolated[later])))
            leading = self._coefficient(label, place)
            isolated[place] = label if leading == 1 else self._state(((1 / leading, label),))
        values = [self._known[isolated[place]].right for place in range(len(pivots))]
        return "\n".join([*self._lines, f"#### {write_values(values)}"])

    def _coefficient(self, label: str, place: int) -> Fraction:
        return self._known[label].coefficients[place]

    def _eliminated(self, label: str, pivot: str, place: int) -> str:
        """The label of an equation from which the unknown is gone."""
        if not self._coefficient(label, place):
            return label
        own, other = int(self._coefficient(label, place)), int(self._coefficient(pivot, place))
        shared = gcd(own, other) * (1 if other > 0 else -1)
        return self._state(((Fraction(other // shared), label), (Fraction(-own // shared), pivot)), gone=place)

    def _state(self, combination: Combination, gone: int = -1) -> str:
        """Write down what a combination comes to, or what a misconceived product makes of it."""
        right = combine(combination, self._known)
        assert right is not None
        columns = [*right.coefficients, right.right]
        for factor, label in combination:
            equation = self._known[label]
            for place, value in enumerate((*equation.coefficients, equation.right)):
                if place != gone and columns[place]:
                    columns[place] += self._slip(factor, value)
        stated = Equation(tuple(columns[:-1]), columns[-1])
        label = LABELS[len(self._known)]
        self._known[label] = stated
        self._lines.append(f"{label}={write_combination(combination)}: {stated.text}")
        return label

    def _slip(self, factor: Fraction, value: Fraction) -> int:
        if factor.denominator != 1 or value.denominator != 1 or min(abs(factor), abs(value)) < 2:
            return 0
        shift = self._slips.shift("*", abs(int(factor)), abs(int(value)))
        if not shift or self._rng.random() >= self._rate:
            return 0
        return shift if factor * value > 0 else -shift
