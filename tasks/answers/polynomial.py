r"""Exact arithmetic: Laurent polynomials over the rationals, whose atoms may be roots of primes and the imaginary unit.

A monomial is a sorted tuple of (atom, exponent). Atoms are texts: a symbol's name; ``#p`` for a prime under a root
(exponent between 0 and 1: whole powers go into the coefficient); ``~i`` (exponent 1); ``@...`` for what this module
cannot look into, such as ``@sin(...)``. Roots of distinct primes with distinct exponents are linearly independent over
the rationals (Besicovitch 1940), so two polynomials without ``@`` are equal only if they are the same dictionary.
"""

from __future__ import annotations

from fractions import Fraction

Monomial = tuple[tuple[str, Fraction], ...]
Polynomial = dict[Monomial, Fraction]

MAX_STEPS = 12_000
"""Most products of terms in one comparison."""

MAX_POWER_OF_SUM = 64

MAX_BITS = 4096
"""Largest coefficient, in bits."""

_ZERO = Fraction(0)
_ONE: Polynomial = {(): Fraction(1)}


class TooLarge(Exception):
    """Exact arithmetic would take too long."""


class Undefined(Exception):
    """Division by zero and its like."""


class Work:
    """Counts the products of terms, long ones as several, and stops when ``steps`` are done."""

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raises TooLarge when there is nothing left."""
        self.left -= steps
        if self.left < 0:
            raise TooLarge


def constant(value: Fraction | int) -> Polynomial:
    """The polynomial without atoms."""
    return {(): Fraction(value)} if value else {}


def constant_of(poly: Polynomial) -> Fraction | None:
    """The value of a polynomial without atoms, else None."""
    if not poly:
        return Fraction(0)
    return poly[()] if len(poly) == 1 and () in poly else None


def add(left: Polynomial, right: Polynomial) -> Polynomial:
    """Term by term."""
    total = dict(left)
    for monomial, coefficient in right.items():
        value = total.get(monomial, _ZERO) + coefficient
        if value:
            total[monomial] = value
        else:
            total.pop(monomial, None)
    return total


def multiply(left: Polynomial, right: Polynomial, work: Work) -> Polynomial:
    """Every term by every term, roots and i reduced."""
    work.spend(len(left) * len(right))
    if left == _ONE or right == _ONE:
        return right if left == _ONE else left
    total: Polynomial = {}
    for one, a in left.items():
        for other, b in right.items():
            factor, monomial = multiply_monomials(one, other) if one and other else (Fraction(1), one or other)
            value = total.get(monomial, _ZERO) + a * b * factor
            work.spend(_size_of(value) >> 6)
            if value:
                total[monomial] = value
            else:
                total.pop(monomial, None)
    return total


def multiply_monomials(one: Monomial, other: Monomial) -> tuple[Fraction, Monomial]:
    """Coefficient and monomial of the product."""
    exponents = dict(one)
    for atom, exponent in other:
        exponents[atom] = exponents.get(atom, Fraction(0)) + exponent
    return reduce_exponents(exponents)


def reduce_exponents(exponents: dict[str, Fraction]) -> tuple[Fraction, Monomial]:
    """Whole powers of primes and of i go into the coefficient."""
    factor = Fraction(1)
    left = {}
    for atom, exponent in exponents.items():
        if atom.startswith("#"):
            whole = exponent.numerator // exponent.denominator
            if abs(whole) * len(atom) > MAX_BITS // 4:
                raise TooLarge
            factor *= Fraction(int(atom[1:])) ** whole
            exponent -= whole
        elif atom == "~i":
            factor *= -1 if exponent.numerator % 4 > 1 else 1
            exponent = Fraction(exponent.numerator % 2)
        if exponent:
            left[atom] = exponent
    return factor, tuple(sorted(left.items()))


def invert_monomial(monomial: Monomial) -> tuple[Fraction, Monomial]:
    """Coefficient and monomial of one over it."""
    return reduce_exponents({atom: -exponent for atom, exponent in monomial})


def power(base: Polynomial, exponent: int, work: Work) -> Polynomial:
    """A whole power, not negative, by repeated squaring."""
    if (value := constant_of(base)) is not None:
        size = value.numerator.bit_length() + value.denominator.bit_length()
        if abs(value) != 1 and size * exponent > MAX_BITS:
            raise TooLarge
        return constant(value**exponent)
    if exponent > MAX_POWER_OF_SUM and len(base) > 1:
        raise TooLarge
    result = constant(1)
    while exponent:
        if exponent & 1:
            result = multiply(result, base, work)
        exponent >>= 1
        if exponent:
            base = multiply(base, base, work)
    return result


def conjugate(poly: Polynomial, atom: str) -> Polynomial:
    """The signs of the terms with a square root, or with i, turned."""
    return {monomial: -value if any(a == atom for a, _ in monomial) else value for monomial, value in poly.items()}


def key(poly: Polynomial) -> str:
    """The same text for equal polynomials."""
    return "+".join(f"{value}*{_key(monomial)}" for monomial, value in sorted(poly.items())) or "0"


def _key(monomial: Monomial) -> str:
    return "*".join(f"{atom}^{exponent}" for atom, exponent in monomial)


def _size_of(value: Fraction) -> int:
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    if bits > MAX_BITS:
        raise TooLarge
    return bits
