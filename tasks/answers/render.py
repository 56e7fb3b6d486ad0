"""A formula as LaTeX of the plainest kind: what is handed on is written by this module, not by the model."""

from __future__ import annotations

from fractions import Fraction

from tasks.answers.expression import Expr, Head
from tasks.answers.polynomial import Undefined

_NAMED = {"oo": r"\infty", "pi": r"\pi"}
_WITH_BRACKETS = {"floor": r"\lfloor {0} \rfloor", "ceil": r"\lceil {0} \rceil", "abs": r"\left|{0}\right|"}
_LETTERS = "abcdfghjklmnopqrstuvwxyzABCDFGHJKLMNPQRSTUVWXYZ"


def render(expr: Expr, names: dict[str, str]) -> str:
    """LaTeX; symbols get single letters, which ``names`` keeps between calls. Raises Undefined for no formula."""
    match expr.head:
        case Head.NUMBER:
            return _number(expr.value)
        case Head.SYMBOL:
            return _NAMED.get(expr.label) or _letter(expr.label, names)
        case Head.SUM | Head.MIXED:
            return "+".join(_bracketed(arg, names) for arg in expr.args)
        case Head.PRODUCT:
            return r" \cdot ".join(_bracketed(arg, names) for arg in expr.args)
        case Head.QUOTIENT:
            return rf"\frac{{{render(expr.args[0], names)}}}{{{render(expr.args[1], names)}}}"
        case Head.POWER:
            return f"{_bracketed(expr.args[0], names)}^{{{render(expr.args[1], names)}}}"
        case Head.FUNCTION:
            return _function(expr, names)
        case Head.UNIT if expr.label == "degree":
            return rf"\frac{{{render(expr.args[0], names)} \cdot \pi}}{{180}}"
        case _:
            raise Undefined(f"a {expr.head} within a formula")


def _number(value: Fraction) -> str:
    sign = "-" if value < 0 else ""
    whole = str(abs(value.numerator))
    return sign + (whole if value.denominator == 1 else rf"\frac{{{whole}}}{{{value.denominator}}}")


def _bracketed(expr: Expr, names: dict[str, str]) -> str:
    inside = render(expr, names)
    return inside if inside.isalnum() else rf"\left({inside}\right)"


def _letter(name: str, names: dict[str, str]) -> str:
    if name in ("i", "e"):
        return name
    if name not in names:
        free = [letter for letter in _LETTERS if letter not in names.values()]
        if not free:
            raise Undefined("too many symbols")
        names[name] = name if name in free else free[0]
    return names[name]


def _function(expr: Expr, names: dict[str, str]) -> str:
    inside = [render(arg, names) for arg in expr.args]
    if expr.label in _WITH_BRACKETS:
        return _WITH_BRACKETS[expr.label].format(inside[0])
    if expr.label == "factorial":
        return rf"\left({inside[0]}\right)!"
    if expr.label == "binom":
        return rf"\binom{{{inside[0]}}}{{{inside[1]}}}"
    if expr.label == "log" and len(inside) == 2:
        return rf"\log_{{{inside[1]}}}\left({inside[0]}\right)"
    return rf"\{expr.label}\left({','.join(inside)}\right)"
