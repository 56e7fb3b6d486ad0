"""What single lines of a program do, for the oracle of suite ``program``: a small interpreter with static limits.

``x=EXPRESSION``, ``x+=EXPRESSION`` (also ``-=``, ``*=``, ``%=``) and ``return EXPRESSION``, where an expression has
whole numbers, ``x``, ``+ - * // %``, comparisons, slices, ``[... for v in ... if ...]`` and ``abs len max min sorted
sum`` of one argument. Model text is parsed, never compiled or evaluated by Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping

from tasks.suites.program_operations import Value

MAX_LINE = 120
"""Longest line, in characters, that is read."""

MAX_NUMBER = 10**12
"""Largest absolute value of a number."""

MAX_LIST = 100
"""Longest list."""

_LINE = re.compile(r"\s*(?:(x)\s*([-+*%]?)=(?!=)|(return)\b)\s*([a-z0-9 ()\[\]:,+\-*/%<>=!]+)")
_NUMBER_AND_WORD = re.compile(r"[0-9][a-z]")  # "1if": Python warns of it
_BINARY: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Mod: lambda a, b: a % b,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
}
_OF_LIST: Mapping[str, Callable[[list[int]], Value]] = {
    "len": len,
    "max": max,
    "min": min,
    "sorted": sorted,
    "sum": sum,
}


class LineError(ValueError):
    """A line that this interpreter cannot run."""


def run_line(line: str, value: Value) -> tuple[bool, Value]:
    """Does the line return, and what: else the value of ``x`` after it. Raises LineError if it cannot be run."""
    found = _LINE.fullmatch(line) if len(line) <= MAX_LINE else None
    if found is None or _NUMBER_AND_WORD.search(found[4]):
        raise LineError("neither x=... nor return ...")
    text = f"x{found[2]}({found[4]})" if found[2] else found[4]
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return bool(found[3]), _checked(_value(tree.body, {"x": value}))
    except (SyntaxError, ValueError, MemoryError, RecursionError, ZeroDivisionError) as error:
        raise LineError(str(error)) from None


def _checked(value: Value) -> Value:
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) > MAX_LIST or any(isinstance(n, bool | list) or abs(n) > MAX_NUMBER for n in numbers):
        raise LineError("a value beyond the limits")
    return value


def _value(node: ast.expr, names: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return _checked(number)
        case ast.Name(id=name) if name in names:
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_int(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _checked(_BINARY[type(op)](_int(left, names), _int(right, names)))
        case ast.Subscript(value=whole, slice=ast.Slice(lower=lower, upper=upper, step=step)):
            bounds = [None if part is None else _int(part, names) for part in (lower, upper, step)]
            return _list(whole, names)[slice(*bounds)]
        case ast.Call(func=ast.Name(id="abs"), args=[argument], keywords=[]):
            return abs(_int(argument, names))
        case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _OF_LIST:
            return _OF_LIST[name](_list(argument, names))
        case ast.ListComp(elt=element, generators=[ast.comprehension(target=ast.Name(id="v")) as loop]):
            return _comprehension(element, loop, names)
    raise LineError("an expression beyond what is read")


def _comprehension(element: ast.expr, loop: ast.comprehension, names: Mapping[str, Value]) -> list[int]:
    scopes = [{**names, "v": item} for item in _list(loop.iter, names)]
    return [_int(element, scope) for scope in scopes if all(_truth(test, scope) for test in loop.ifs)]


def _truth(node: ast.expr, names: Mapping[str, Value]) -> bool:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return _COMPARE[type(op)](_int(left, names), _int(right, names))
    return _int(node, names) != 0


def _int(node: ast.expr, names: Mapping[str, Value]) -> int:
    value = _value(node, names)
    if isinstance(value, list):
        raise LineError("a list where a number is needed")
    return value


def _list(node: ast.expr, names: Mapping[str, Value]) -> list[int]:
    value = _value(node, names)
    if not isinstance(value, list):
        raise LineError("a number where a list is needed")
    return value
