r"""What an answer means, whichever way it is written: two signs are a list, names are dropped, orders are intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.answers.expression import Expr, Head, negative

_SPACES = re.compile(r"[\s~]+")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|textrm|mbox|mathrm)\s*\{([^{}]*)\}")
_ORDERS = {"<": "<", "le": "<=", ">": ">", "ge": ">="}
_AROUND = ("()", '""', "''")
_LAYERS = 3  # of brackets, quotes and full stops around words
INFINITY = Expr(Head.SYMBOL, label="oo")
MINUS_INFINITY = negative(INFINITY)


def plain_words(text: str) -> str:
    r"""Words without LaTeX's ``\text``, case, outer brackets, pairs of quotes and a full stop, with single spaces."""
    bare = _WRAPPED.sub(r" \1 ", text).replace("\\ ", " ").replace("$", " ")
    bare = _SPACES.sub(" ", bare).strip().casefold()
    for _ in range(_LAYERS):
        bare = bare[:-1].rstrip() if bare.endswith(".") and not bare.endswith("..") else bare
        if len(bare) > 1 and bare[0] + bare[-1] in _AROUND:
            bare = bare[1:-1].strip()
    return bare


def normal(expr: Expr) -> Expr:
    """The form in which answers are compared.

    ``x = 5`` is 5 and ``x \\in S`` is S, as the name is given away by the question; a chain of equal signs must be
    followed by hand and stays what it is. ``a \\pm b`` is a list of two. ``2 < x \\le 5`` is an interval.
    """
    match expr.head:
        case Head.LIST | Head.SET:
            items = [item for arg in expr.args for item in _spread(normal(arg))]
            return Expr(expr.head, tuple(without_common_name(items)))
        case Head.RELATION if expr.label == "=" and is_name(expr.args[0]):
            return normal(expr.args[1]) if _signs_in(expr) else expr
        case Head.RELATION:
            return _relation(expr)
        case _:
            return Expr(Head.LIST, (_signed(expr, 1), _signed(expr, -1))) if _signs_in(expr) else expr


def bare(expr: Expr) -> Expr:
    """Without the name in ``name = value`` or ``value = name``."""
    if expr.head is not Head.RELATION or expr.label not in ("=", "in"):
        return expr
    left, right = expr.args
    if is_name(left):
        return normal(right)
    return normal(left) if expr.label == "=" and is_name(right) else expr


def is_name(expr: Expr) -> bool:
    """A symbol, or one applied to symbols: ``f(x)``."""
    if expr.head is Head.PRODUCT and len(expr.args) == 2:
        return all(arg.head is Head.SYMBOL for arg in expr.args)
    return expr.head is Head.SYMBOL and expr.label not in ("pi", "e", "i", "oo")


def members(expr: Expr) -> Sequence[Expr] | None:
    """The answers of a list or a set."""
    return expr.args if expr.head in (Head.LIST, Head.SET) else None


def _spread(expr: Expr) -> Sequence[Expr]:
    return expr.args if expr.head is Head.LIST else (expr,)


def _signs_in(expr: Expr) -> bool:
    """Whether there is exactly one plus-minus; several may go together or not, and stay what they are."""
    return sum(node.head is Head.PLUS_MINUS for node in expr.walk()) == 1


def _signed(expr: Expr, sign: int) -> Expr:
    """With the one sign or the other for its plus-minus."""
    args = tuple(_signed(arg, sign) for arg in expr.args)
    if expr.head is Head.PLUS_MINUS:
        return Expr(Head.SUM, (args[0], args[1] if sign > 0 else negative(args[1])))
    return Expr(expr.head, args, expr.label, expr.value)


def without_common_name(items: Sequence[Expr]) -> list[Expr]:
    """``x = 1, x = 2`` and ``x = 1, 2`` are 1 and 2; ``x = 1, y = 2`` stays."""
    names = {item.args[0] for item in items if item.head is Head.RELATION and item.label == "="}
    return [bare(item) for item in items] if len(names) == 1 else list(items)


def _relation(expr: Expr) -> Expr:
    operators = expr.label.split()
    if operators == ["ne"] and is_name(expr.args[0]) and not _has_names(expr.args[1]):
        hole = expr.args[1]
        return Expr(
            Head.UNION, (_interval(MINUS_INFINITY, hole, False, False), _interval(hole, INFINITY, False, False))
        )
    signs = [_ORDERS.get(operator) for operator in operators]
    if None in signs:
        return expr
    sides = list(expr.args)
    if all(sign and sign[0] == ">" for sign in signs):
        sides, signs = sides[::-1], [sign.replace(">", "<") if sign else sign for sign in signs[::-1]]
    if any(sign and sign[0] == ">" for sign in signs):
        return expr
    if len(sides) == 3 and is_name(sides[1]):
        return _interval(sides[0], sides[2], signs[0] == "<=", signs[1] == "<=")
    if len(sides) == 2 and is_name(sides[0]) and not _has_names(sides[1]):
        return _interval(MINUS_INFINITY, sides[1], False, signs[0] == "<=")
    if len(sides) == 2 and is_name(sides[1]) and not _has_names(sides[0]):
        return _interval(sides[0], INFINITY, signs[0] == "<=", False)
    return Expr(Head.RELATION, tuple(sides), " ".join(str(sign) for sign in signs))


def _has_names(expr: Expr) -> bool:
    return any(node.head is Head.SYMBOL and node.label not in ("pi", "e", "oo") for node in expr.walk())


def _interval(low: Expr, high: Expr, is_low_in: bool, is_high_in: bool) -> Expr:
    return Expr(Head.GROUP, (low, high), ("[" if is_low_in else "(") + ("]" if is_high_in else ")"))
