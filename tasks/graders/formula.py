"""Arithmetic on named rewards, such as ``0.8 * answer + 0.2 * min(format, length)``.

Parsed by Python, then checked against a list of what there may be, and worked out here: nothing is evaluated as code.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection, Mapping

MAX_LENGTH, MAX_NODES, MAX_CONSTANT = 1_000, 200, 1e6
"""Longest formula in characters, its most parts, and the largest number in it."""

_RULE = "a formula of + - * / min max and or not, comparisons, numbers and names of graders"
_FUNCTIONS = {"min": min, "max": max}


class BadFormula(Exception):
    """What is wrong with a formula, as a rule that it must follow."""


class Formula:
    """A formula over ``names``. Comparisons, ``and``, ``or`` and ``not`` give 1 or 0. Raises BadFormula."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        if len(text) > MAX_LENGTH:
            raise BadFormula(f"{_RULE} of at most {MAX_LENGTH} characters")
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise BadFormula(_RULE) from error
        parts = list(ast.walk(self._tree))
        if len(parts) > MAX_NODES:
            raise BadFormula(f"{_RULE}, of at most {MAX_NODES} parts")
        functions = {id(part.func) for part in parts if isinstance(part, ast.Call)}
        for part in parts:
            if id(part) not in functions:
                _check(part, names)
        self.names = frozenset(part.id for part in parts if isinstance(part, ast.Name) and id(part) not in functions)

    def value(self, rewards: Mapping[str, float]) -> float:
        """What the formula comes to; may be infinite or NaN. Raises ZeroDivisionError."""
        return _value(self._tree, rewards)


def _check(part: ast.AST, names: Collection[str]) -> None:
    match part:
        case ast.Constant(value=value):
            if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_CONSTANT:
                raise BadFormula(f"{_RULE}, the numbers at most {MAX_CONSTANT:g}")
        case ast.Name(id=name):
            if name not in names:
                raise BadFormula(f"{_RULE}; there is no grader {name} (there are {', '.join(names)})")
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and arguments:
            pass
        case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare() | ast.expr_context():
            pass
        case (
            ast.Add() | ast.Sub() | ast.Mult() | ast.Div() | ast.UAdd() | ast.USub() | ast.Not() | ast.And() | ast.Or()
        ):
            pass
        case ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() | ast.Eq() | ast.NotEq():
            pass
        case _:
            raise BadFormula(_RULE)


def _value(part: ast.expr, rewards: Mapping[str, float]) -> float:
    match part:
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]  # _check lets numbers through only
        case ast.Name(id=name):
            return float(rewards[name])
        case ast.UnaryOp(op=op, operand=operand):
            found = _value(operand, rewards)
            return float(not found) if isinstance(op, ast.Not) else -found if isinstance(op, ast.USub) else found
        case ast.BinOp(left=left, op=op, right=right):
            return _combined(op, _value(left, rewards), _value(right, rewards))
        case ast.BoolOp(op=op, values=values):
            held = [_value(each, rewards) != 0 for each in values]
            return float(all(held) if isinstance(op, ast.And) else any(held))
        case ast.Compare(left=left, ops=ops, comparators=others):
            sides = [_value(each, rewards) for each in (left, *others)]
            pairs = zip(ops, sides[:-1], sides[1:], strict=True)
            return float(all(_compared(op, one, other) for op, one, other in pairs))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _FUNCTIONS[name](_value(each, rewards) for each in arguments)
    raise AssertionError("_check lets nothing else through")


def _combined(op: ast.operator, left: float, right: float) -> float:
    match op:
        case ast.Add():
            return left + right
        case ast.Sub():
            return left - right
        case ast.Mult():
            return left * right
    return left / right


def _compared(op: ast.cmpop, left: float, right: float) -> bool:
    match op:
        case ast.Lt():
            return left < right
        case ast.LtE():
            return left <= right
        case ast.Gt():
            return left > right
        case ast.GtE():
            return left >= right
        case ast.Eq():
            return math.isclose(left, right, rel_tol=0, abs_tol=1e-9)
    return not math.isclose(left, right, rel_tol=0, abs_tol=1e-9)
