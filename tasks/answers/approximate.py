"""Floating-point values at a few points: they can refute that two formulas are equal, never prove it."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from hashlib import blake2b

from tasks.answers.expression import Expr, Head

TRIALS = 3
MARGIN = 1e-9
"""Smallest difference that refutes, as a share of the largest value met on the way (double precision has 1e-16)."""

_LOG_BASES = (math.e, 10.0)  # log without a base is either, so a refutation must hold for both
_CONSTANTS = {"pi": math.pi, "e": math.e, "i": 1j}
_LARGEST = 1e100
_MAX_ROOT = 99
_LOG_FAR = 200.0  # of an exponent: a number beyond every other one that has a logarithm here
_Function = Callable[[complex], complex]
_FUNCTIONS: dict[str, _Function] = {
    "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan, "sinh": cmath.sinh, "cosh": cmath.cosh, "tanh": cmath.tanh,
    "arcsin": cmath.asin, "arccos": cmath.acos, "arctan": cmath.atan, "exp": cmath.exp, "sqrt": cmath.sqrt,
    "ln": cmath.log, "abs": abs,
    "cot": lambda x: 1 / cmath.tan(x), "sec": lambda x: 1 / cmath.cos(x), "csc": lambda x: 1 / cmath.sin(x),
}  # fmt: skip
_TRIGONOMETRIC = frozenset(("sin", "cos", "tan", "cot", "sec", "csc"))


class NoValue(Exception):
    """A formula without a finite value here, or one that this module does not know."""


def refuted(left: Expr, right: Expr, sign: int = 1, is_real: bool = False) -> bool | None:
    """Whether the two differ at some point, where symbols have that sign; None if they could not be evaluated.

    ``is_real``: points at which one of them is no real number do not count.
    """
    sizes = _log_of(left), _log_of(right)
    if sizes[0] is not None and sizes[1] is not None and _differ(sizes[0], sizes[1]):
        return True
    verdicts = [_refuted(left, right, base, sign, is_real) for base in _LOG_BASES]
    return None if None in verdicts else all(verdicts)


def value_of(expr: Expr) -> float:
    """A constant in floating point. Raises NoValue, and ArithmeticError or ValueError, where it has none."""
    if any(node.head is Head.SYMBOL and node.label not in _CONSTANTS for node in expr.walk()):
        raise NoValue
    value = complex(_Point(0, math.e).of(expr))
    if abs(value.imag) > MARGIN * abs(value):
        raise NoValue
    return value.real


def _refuted(left: Expr, right: Expr, log_base: float, sign: int, is_real: bool) -> bool | None:
    is_whole = _is_for_whole_numbers(left) or _is_for_whole_numbers(right)
    for trial in range(TRIALS):
        point = _Point(trial, log_base, sign, is_whole)
        try:
            one, other = point.of(left), point.of(right)
        except (NoValue, OverflowError, ZeroDivisionError, ValueError):
            return None
        is_counted = not is_real or max(abs(one.imag), abs(other.imag)) <= MARGIN * point.largest
        if is_counted and abs(one - other) > MARGIN * point.largest:
            return True
    return False


def _is_for_whole_numbers(expr: Expr) -> bool:
    """Whether a negative number has a symbol in its exponent: (-1)^n."""
    return any(
        node.head is Head.POWER
        and node.args[0].head is Head.NUMBER
        and node.args[0].value < 0
        and any(part.head is Head.SYMBOL and part.label not in _CONSTANTS for part in node.args[1].walk())
        for node in expr.walk()
    )


def _differ(one: float, other: float) -> bool:
    if math.isinf(one) or math.isinf(other):
        return one != other
    return abs(one - other) > 1e-3 * MARGIN * max(abs(one), abs(other), 1.0)


def _log_of(expr: Expr) -> float | None:
    """The natural logarithm of a positive constant, however large; None for anything else."""
    try:
        match expr.head:
            case Head.NUMBER if expr.value > 0:
                return math.log(expr.value.numerator) - math.log(expr.value.denominator)
            case Head.FUNCTION if expr.label == "factorial" and expr.args[0].head is Head.NUMBER:
                return math.lgamma(float(expr.args[0].value) + 1) if expr.args[0].value >= 0 else None
            case Head.POWER:
                return _log_of_power(*expr.args)
            case Head.PRODUCT:
                logs = [_log_of(arg) for arg in expr.args]
                return sum(log for log in logs if log is not None) if None not in logs else None
    except (NoValue, OverflowError, ZeroDivisionError, ValueError):
        return None
    return None


def _log_of_power(base: Expr, exponent: Expr) -> float | None:
    log, size = _log_of(base), _log_of(exponent)
    if log is None:
        return None
    if log > 0 and size is not None and size > _LOG_FAR:
        return math.inf
    times = _Point(0, math.e).of(exponent)
    return None if times.imag else log * times.real


class _Point:
    """Values of the symbols by their names, around 1 or -1, or whole; ``largest``: of all absolute values met."""

    def __init__(self, trial: int, log_base: float, sign: int = 1, is_whole: bool = False) -> None:
        self.is_whole = is_whole
        self.trial = trial
        self.log_base = log_base
        self.sign = sign
        self.largest = 0.0

    def of(self, expr: Expr) -> complex:
        value = self._of(expr)
        size = abs(value)
        if not size < _LARGEST:
            raise NoValue
        self.largest = max(self.largest, size)
        return value

    def _of(self, expr: Expr) -> complex:
        match expr.head:
            case Head.NUMBER:
                return float(expr.value)
            case Head.SYMBOL:
                return self._symbol(expr.label)
            case Head.SUM | Head.MIXED:
                return sum(map(self.of, expr.args))
            case Head.PRODUCT:
                return math.prod(map(self.of, expr.args))
            case Head.QUOTIENT:
                return self.of(expr.args[0]) / self.of(expr.args[1])
            case Head.POWER:
                return _power(self.of(expr.args[0]), self.of(expr.args[1]))
            case Head.FUNCTION:
                return self._function(expr)
            case Head.UNIT if expr.label == "degree":
                return self.of(expr.args[0])
            case _:
                raise NoValue

    def _symbol(self, name: str) -> complex:
        if name == "oo":
            raise NoValue
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        digest = blake2b(f"{self.trial}:{name}".encode(), digest_size=6).digest()
        if self.is_whole:
            return self.sign * (1.0 + self.trial + blake2b(name.encode(), digest_size=1).digest()[0] % 4)
        return self.sign * (0.3 + int.from_bytes(digest, "big") / 2**48)

    def _function(self, expr: Expr) -> complex:
        name = expr.label
        values = [self.of(arg) for arg in expr.args]
        if name in _TRIGONOMETRIC and any(node.head is Head.UNIT for node in expr.args[0].walk()):
            values = [values[0] * math.pi / 180]
        if name == "log":
            return cmath.log(values[0]) / cmath.log(values[1] if len(values) > 1 else self.log_base)
        if name in ("factorial", "binom"):
            return _counted(name, values)
        if name not in _FUNCTIONS or len(values) != 1:
            raise NoValue
        return _FUNCTIONS[name](values[0])


def _power(base: complex, exponent: complex) -> complex:
    if base.imag == 0 and base.real < 0 and exponent.imag == 0:
        times = Fraction(exponent.real).limit_denominator(_MAX_ROOT)
        if times.denominator % 2 and abs(float(times) - exponent.real) < MARGIN:
            size: complex = (-base) ** exponent  # an odd root of a negative number is real
            return -size if times.numerator % 2 else size
    return base**exponent


def _counted(name: str, values: Sequence[complex]) -> complex:
    if any(value.imag or not 0 <= value.real < 60 for value in values):
        raise NoValue
    first = math.gamma(values[0].real + 1)
    if name == "factorial":
        return first
    if values[1].real > values[0].real:
        raise NoValue
    return first / (math.gamma(values[1].real + 1) * math.gamma(values[0].real - values[1].real + 1))
