"""What an ``assert`` claims, taken apart: an expression to be worked out in the sandbox, and a rule judged outside it.

``assert abs(f(1) - 5) < 1e-6`` becomes the expression ``f(1)`` and the rule "within 1e-6 of 5", so that neither the 5
nor the comparison stands where the program could read, patch or answer it.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

UNREADABLE = object()
"""Stands for a value that is no plain Python (numbers, texts, lists, tuples, sets, dicts, True, False, None)."""

_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_TYPES = {kind.__name__: kind for kind in (bool, bytes, complex, dict, float, int, list, set, str, tuple)}


@dataclass(frozen=True, slots=True)
class Claim:
    """``holds`` of the expression's value; it may raise TypeError for values that cannot be compared."""

    expression: str
    holds: Callable[[Any], bool]


def read_claims(test: ast.expr, tolerance: float) -> list[Claim]:
    """What must all hold for ``assert test``. ``tolerance``: the largest difference of numbers that are equal (==).

    What is none of the forms below is asked for its truth alone.
    """
    match test:
        case ast.BoolOp(op=ast.And(), values=parts):
            return [claim for part in parts for claim in read_claims(part, tolerance)]
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            claim = _one_claim(inner, tolerance)
            return [Claim(claim.expression, lambda value: not claim.holds(value))]
    return [_one_claim(test, tolerance)]


def _one_claim(test: ast.expr, tolerance: float) -> Claim:
    match test:
        case ast.Compare(left=left, ops=ops, comparators=others):
            found = _compared([left, *others], ops, tolerance)
        case ast.Call(func=ast.Name(id="isinstance"), args=[asked, kinds]):
            found = _is_instance(asked, kinds)
        case ast.Call(func=ast.Name(id="isclose") | ast.Attribute(attr="isclose"), args=[one, other], keywords=more):
            found = _is_close(one, other, more)
        case _:
            found = None
    return found or Claim(f"bool({ast.unparse(test)})", lambda value: value is True)


def _compared(sides: Sequence[ast.expr], ops: Sequence[ast.cmpop], tolerance: float) -> Claim | None:
    """A comparison, maybe a chain, with one side that is no plain value."""
    asked = [index for index, side in enumerate(sides) if not _is_plain(side)]
    if len(asked) != 1:
        return None
    (place,) = asked
    side = sides[place]
    values = [None if index == place else ast.literal_eval(each) for index, each in enumerate(sides)]
    far = _difference(side)
    if far:
        side, middle = far

    def holds(found: Any) -> bool:
        shown = [found if index == place else value for index, value in enumerate(values)]
        if far:
            shown[place] = abs(found - middle)
        return all(
            compare(op, one, other, tolerance) for op, one, other in zip(ops, shown[:-1], shown[1:], strict=True)
        )

    return Claim(ast.unparse(side), holds)


def _difference(side: ast.expr) -> tuple[ast.expr, Any] | None:
    """Of ``abs(x - 5)`` or ``abs(5 - x)`` the x and the 5."""
    match side:
        case ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(left=left, op=ast.Sub(), right=right)], keywords=[]):
            if _is_plain(right) and not _is_plain(left):
                return left, ast.literal_eval(right)
            if _is_plain(left) and not _is_plain(right):
                return right, ast.literal_eval(left)
    return None


def _is_instance(asked: ast.expr, kinds: ast.expr) -> Claim | None:
    named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
    types = tuple(_TYPES[each.id] for each in named if isinstance(each, ast.Name) and each.id in _TYPES)
    if len(types) != len(named) or _is_plain(asked):
        return None
    return Claim(ast.unparse(asked), lambda value: isinstance(value, types))


def _is_close(one: ast.expr, other: ast.expr, more: Sequence[ast.keyword]) -> Claim | None:
    asked, wanted = (other, one) if _is_plain(one) else (one, other)
    options = {each.arg: each.value for each in more}
    is_read = all(name in ("rel_tol", "abs_tol") and _is_plain(value) for name, value in options.items())
    if _is_plain(asked) or not _is_plain(wanted) or not is_read:
        return None
    limits = {str(name): ast.literal_eval(value) for name, value in options.items()}
    middle = ast.literal_eval(wanted)
    return Claim(ast.unparse(asked), lambda value: math.isclose(value, middle, **limits))


def _is_plain(side: ast.expr) -> bool:
    try:
        ast.literal_eval(side)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def compare(op: ast.cmpop, one: Any, other: Any, tolerance: float) -> bool:
    """One of Python's comparisons of two plain values; ``is`` is equality of value and type."""
    match op:
        case ast.Eq():
            return equal(one, other, tolerance)
        case ast.NotEq():
            return not equal(one, other, tolerance)
        case ast.Is():
            return type(one) is type(other) and bool(one == other)
        case ast.IsNot():
            return not (type(one) is type(other) and bool(one == other))
        case ast.In():
            return one in other
        case ast.NotIn():
            return one not in other
    return bool(_ORDER[type(op)](one, other))


def equal(found: Any, expected: Any, tolerance: float) -> bool:
    """Equality of plain values; a tuple is a list, because JSON has no tuples. ``tolerance`` is absolute."""
    numbers = isinstance(found, int | float) and isinstance(expected, int | float)
    if numbers and tolerance and not isinstance(found, bool):
        return math.isfinite(found) and abs(found - expected) <= tolerance
    if isinstance(found, list | tuple) and isinstance(expected, list | tuple):
        pairs = zip(found, expected, strict=False)
        return len(found) == len(expected) and all(equal(one, other, tolerance) for one, other in pairs)
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(equal(found[key], expected[key], tolerance) for key in found)
    return bool(found == expected)
