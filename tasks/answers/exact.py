r"""From an expression to one fraction of polynomials: the exact tier, which decides nearly all answers by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from tasks.answers.angles import cosine, degrees_of, sine
from tasks.answers.expression import Expr, Head
from tasks.answers.polynomial import (
    MAX_BITS,
    Polynomial,
    TooLarge,
    Undefined,
    Work,
    add,
    conjugate,
    constant,
    constant_of,
    invert_monomial,
    key,
    multiply,
    power,
    reduce_exponents,
)
from tasks.answers.roots import exponents_of_root

MAX_EXPONENT = 1000
MAX_FACTORIAL = 200
MAX_BINOMIAL = 500
_MAX_ROOT = 12
_ONE = constant(1)
_OVER = {
    "sin": ("sin", ""),
    "cos": ("cos", ""),
    "tan": ("sin", "cos"),
    "cot": ("cos", "sin"),
    "sec": ("", "cos"),
    "csc": ("", "sin"),
}
_TRIGONOMETRIC = frozenset(_OVER)
_ARITY_2 = frozenset(("binom", "log"))


@dataclass(frozen=True)
class Ratio:
    """``top / bottom``; ``is_complete``: without parts that exact arithmetic cannot look into."""

    top: Polynomial
    bottom: Polynomial
    is_complete: bool

    @property
    def value(self) -> Fraction | None:
        """The number, if it is a rational one."""
        return constant_of(self.top) if self.bottom == _ONE else None

    @property
    def key(self) -> str:
        """The same text for equal ratios, but for common factors of polynomials that are not cancelled."""
        return key(self.top) if self.bottom == _ONE else f"({key(self.top)})/({key(self.bottom)})"


def expand(expr: Expr, work: Work | None = None) -> Ratio:
    """Multiply out. Raises TooLarge, and Undefined for what has no value or is no formula."""
    return _Expansion(work or Work()).of(expr)


def equal(left: Ratio, right: Ratio, work: Work) -> bool | None:
    """Whether they are the same function; None when that cannot be told. Raises TooLarge."""
    one, other = multiply(left.top, right.bottom, work), multiply(right.top, left.bottom, work)
    if one == other:
        return True
    return False if left.is_complete and right.is_complete else None


class _Expansion:
    def __init__(self, work: Work) -> None:
        self.work = work

    def of(self, expr: Expr) -> Ratio:
        self.work.spend(1)
        match expr.head:
            case Head.NUMBER:
                return Ratio(constant(expr.value), _ONE, True)
            case Head.SYMBOL:
                atom = "~i" if expr.label == "i" else f"${expr.label}"
                return Ratio({((atom, Fraction(1)),): Fraction(1)}, _ONE, True)
            case Head.SUM | Head.MIXED:
                return self.sum([self.of(arg) for arg in expr.args])
            case Head.PRODUCT:
                total = Ratio(_ONE, _ONE, True)
                for arg in expr.args:
                    total = self.product(total, self.of(arg))
                return total
            case Head.QUOTIENT:
                top, bottom = map(self.of, expr.args)
                return self.product(top, self.inverse(bottom))
            case Head.POWER:
                return self.power(self.of(expr.args[0]), self.of(expr.args[1]))
            case Head.FUNCTION:
                return self.function(expr)
            case Head.UNIT if expr.label == "degree":
                return self.of(expr.args[0])
            case _:
                raise Undefined(f"a {expr.head} within a formula")

    def sum(self, terms: list[Ratio]) -> Ratio:
        total = terms[0]
        for term in terms[1:]:
            if total.bottom == term.bottom:
                top, bottom = add(total.top, term.top), total.bottom
            else:
                top = add(multiply(total.top, term.bottom, self.work), multiply(term.top, total.bottom, self.work))
                bottom = multiply(total.bottom, term.bottom, self.work)
            total = self.ratio(top, bottom, total.is_complete and term.is_complete)
        return total

    def product(self, left: Ratio, right: Ratio) -> Ratio:
        top = multiply(left.top, right.top, self.work)
        bottom = multiply(left.bottom, right.bottom, self.work)
        return self.ratio(top, bottom, left.is_complete and right.is_complete)

    def inverse(self, ratio: Ratio) -> Ratio:
        if not ratio.top:
            raise Undefined("division by zero")
        return self.ratio(ratio.bottom, ratio.top, ratio.is_complete)

    def ratio(self, top: Polynomial, bottom: Polynomial, is_complete: bool) -> Ratio:
        """With the bottom rid of single terms, of its square roots and of i, where that is possible."""
        if not top:
            return Ratio({}, _ONE, is_complete)
        for _ in range(4):
            if len(bottom) == 1 or not (atom := _square_root_in(bottom)):
                break
            turned = conjugate(bottom, atom)
            top, bottom = multiply(top, turned, self.work), multiply(bottom, turned, self.work)
        if len(bottom) > 1:
            scale: Polynomial = constant(1 / bottom[min(bottom)])
        else:
            ((monomial, coefficient),) = bottom.items()
            factor, inverse = invert_monomial(monomial)
            scale = {inverse: factor / coefficient}
        if scale != _ONE:
            top, bottom = multiply(top, scale, self.work), multiply(bottom, scale, self.work)
        return Ratio(top, bottom, is_complete)

    def power(self, base: Ratio, exponent: Ratio) -> Ratio:
        times = exponent.value
        if times is None:
            return self.symbolic_power(base, exponent)
        if not base.top and times <= 0:
            raise Undefined("zero to a power that is not positive")
        if times.denominator > 1:
            return self.root(base, times)
        if times < 0:
            base = self.inverse(base)
        try:
            if abs(times) > MAX_EXPONENT and base.value not in (0, 1, -1):
                raise TooLarge
            top, bottom = (power(part, abs(times.numerator), self.work) for part in (base.top, base.bottom))
        except TooLarge:
            if len(base.top) > 1 or base.bottom != _ONE:
                raise
            return self.opaque(f"({base.key})^({abs(times)})")
        return self.ratio(top, bottom, base.is_complete)

    def symbolic_power(self, base: Ratio, exponent: Ratio) -> Ratio:
        """a^(n + u) is a^n a^u for the constant n; e^(i x) is cos x + i sin x for the angles of the table."""
        if base.top == {(("$e", Fraction(1)),): Fraction(1)} and exponent.bottom == _ONE:
            degrees = degrees_of(multiply(exponent.top, {(("~i", Fraction(1)),): Fraction(-1)}, self.work))
            real, imaginary = (None, None) if degrees is None else (cosine(degrees), sine(degrees))
            if real is not None and imaginary is not None:
                turned = multiply(imaginary, {(("~i", Fraction(1)),): Fraction(1)}, self.work)
                return Ratio(add(real, turned), _ONE, True)
        if exponent.bottom == _ONE and (whole := exponent.top.get(())) is not None:
            rest = {monomial: value for monomial, value in exponent.top.items() if monomial}
            known = self.power(base, Ratio(constant(whole), _ONE, True))
            return self.product(known, self.opaque(f"({base.key})^({key(rest)})"))
        return self.opaque(f"({base.key})^({exponent.key})")

    def root(self, base: Ratio, times: Fraction) -> Ratio:
        if not base.top:
            return base
        if len(base.top) == 1 and base.bottom == _ONE and times.denominator <= _MAX_ROOT:
            ((monomial, coefficient),) = base.top.items()
            exponents = exponents_of_root(monomial, coefficient, times)
            if exponents is not None:
                factor, root = reduce_exponents(exponents)
                sign = -1 if coefficient < 0 and times.denominator % 2 and times.numerator % 2 else 1
                return Ratio({root: factor * sign}, _ONE, base.is_complete)
        return self.opaque(f"({base.key})^({times})")

    def function(self, expr: Expr) -> Ratio:
        name = expr.label
        if len(expr.args) > 1 and name not in _ARITY_2 | {"max", "min", "gcd", "lcm"}:
            raise Undefined(f"{name} of several things")
        args = [self.of(arg) for arg in expr.args]
        if name in _TRIGONOMETRIC:
            return self.trigonometric(name, args[0], any(node.head is Head.UNIT for node in expr.args[0].walk()))
        if name == "exp":
            return self.power(self.of(Expr(Head.SYMBOL, label="e")), args[0])
        if name == "sqrt":
            return self.root(args[0], Fraction(1, 2))
        values = [value for arg in args if (value := arg.value) is not None]
        known = _value_of(name, values) if len(values) == len(args) else None
        if known is not None:
            return Ratio(constant(known), _ONE, True)
        return self.opaque(f"{name}({','.join(arg.key for arg in args)})")

    def trigonometric(self, name: str, angle: Ratio, is_in_degrees: bool) -> Ratio:
        """By its exact value where there is one, else over sines and cosines."""
        degrees = None
        if angle.bottom == _ONE:
            degrees = angle.value if is_in_degrees else degrees_of(angle.top)
        written = f"{angle.key} degrees" if is_in_degrees else angle.key
        values = {"sin": self.opaque(f"sin({written})"), "cos": self.opaque(f"cos({written})")}
        for part, function in (("sin", sine), ("cos", cosine)):
            if degrees is not None and (value := function(degrees)) is not None:
                values[part] = Ratio(value, _ONE, True)
        top, bottom = _OVER[name]
        one = Ratio(_ONE, _ONE, True)
        return self.product(values.get(top, one), self.inverse(values[bottom]) if bottom else one)

    def opaque(self, label: str) -> Ratio:
        if len(label) > MAX_BITS:
            raise TooLarge
        return Ratio({((f"@{label}", Fraction(1)),): Fraction(1)}, _ONE, False)


def _square_root_in(poly: Polynomial) -> str | None:
    half = Fraction(1, 2)
    atoms = [pair for monomial in poly for pair in monomial if pair[0].startswith(("#", "~"))]
    if any(exponent not in (half, 1) for _, exponent in atoms):
        return None
    return max((atom for atom, _ in atoms), default=None)


def _value_of(name: str, values: list[Fraction]) -> Fraction | None:
    """The functions of rational numbers that have rational values, within their limits; None for the others."""
    are_whole = all(value.denominator == 1 for value in values)
    first = values[0]
    match name:
        case "abs":
            return abs(first)
        case "floor":
            return Fraction(math.floor(first))
        case "ceil":
            return Fraction(math.ceil(first))
        case "max" | "min":
            return (max if name == "max" else min)(values)
        case "factorial" if are_whole and 0 <= first <= MAX_FACTORIAL:
            return Fraction(math.factorial(first.numerator))
        case "binom" if are_whole and 0 <= values[1] <= first <= MAX_BINOMIAL:
            return Fraction(math.comb(first.numerator, values[1].numerator))
        case "gcd" | "lcm" if are_whole:
            return Fraction((math.gcd if name == "gcd" else math.lcm)(*(value.numerator for value in values)))
        case "log" | "ln" if first == 1 and (len(values) == 1 or values[1] > 1):
            return Fraction(0)
        case "log" if len(values) == 2 and values[0] == values[1] > 1:
            return Fraction(1)
    return None
