r"""Roots of single terms, as exponents of primes and symbols."""

from __future__ import annotations

from fractions import Fraction

from tasks.answers.polynomial import Monomial

MAX_RADICAND = 10**12
_TRIAL_DIVISORS = 10**4  # what is left below its square is prime


def exponents_of_root(monomial: Monomial, coefficient: Fraction, times: Fraction) -> dict[str, Fraction] | None:
    """Of the atoms of (coefficient * monomial) ** times, roots taken as positive; None where that is not allowed."""
    exponents: dict[str, Fraction] = {}
    for atom, exponent in monomial:
        is_even = exponent.numerator % 2 == 0 and times.denominator % 2 == 0
        if atom[0] in "~@" or (is_even and atom[0] == "$" and atom not in ("$pi", "$e")):
            return None  # the root of x^2 is not x, nor that of x^(2/3) x^(1/3); odd roots keep the sign
        exponents[atom] = exponent * times
    if coefficient < 0 and times.denominator % 2 == 0:
        if times.denominator > 2:
            return None
        exponents["~i"] = Fraction(times.numerator)
    for part, sign in ((abs(coefficient.numerator), 1), (coefficient.denominator, -1)):
        primes = _factorise(part)
        if primes is None:
            return None
        for prime, count in primes.items():
            atom = f"#{prime}"
            exponents[atom] = exponents.get(atom, Fraction(0)) + sign * count * times
    return exponents


def _factorise(number: int) -> dict[int, int] | None:
    if number > MAX_RADICAND:
        return None
    primes: dict[int, int] = {}
    divisor = 2
    while divisor * divisor <= number and divisor < _TRIAL_DIVISORS:
        while number % divisor == 0:
            primes[divisor] = primes.get(divisor, 0) + 1
            number //= divisor
        divisor += 1 if divisor == 2 else 2
    if number >= _TRIAL_DIVISORS**2:
        return None
    if number > 1:
        primes[number] = primes.get(number, 0) + 1
    return primes
