"""One key for equal answers, by structure and exact arithmetic alone: what votes and sets compare first."""

from __future__ import annotations

from collections.abc import Hashable

from tasks.answers.exact import expand
from tasks.answers.expression import Expr, Head
from tasks.answers.forms import bare, members, normal, plain_words
from tasks.answers.polynomial import TooLarge, Undefined, Work
from tasks.answers.quantities import scaled
from tasks.answers.units import unit_of


def canonical(expr: Expr) -> Hashable:
    """A key that equal answers share, nearly always; the answer itself where there is none.

    Answers that are not equal have different ones, but for what a question would tell: names (x=5 is 5) and the order
    of a list.
    """
    return key_of(bare(normal(expr)), Work())


def key_of(expr: Expr, work: Work) -> Hashable:
    """As ``canonical``, of a value in normal form."""
    match expr.head:
        case Head.TEXT:
            return "text", plain_words(expr.label)
        case Head.PRODUCT if expr.label:
            return "text", expr.label
        case Head.LIST | Head.SET | Head.UNION:
            keys = frozenset(key_of(arg, work) for arg in expr.args)
            return next(iter(keys)) if len(keys) == 1 else ("set" if members(expr) else expr.head, keys)
        case Head.GROUP | Head.MATRIX | Head.RATIO | Head.RELATION:
            label = "" if expr.head is Head.MATRIX else expr.label
            return expr.head, label, *(key_of(arg, work) for arg in expr.args)
        case Head.UNIT:
            unit = unit_of(expr.label)
            return unit.dimension, key_of(scaled(expr.args[0], unit.factor), work)
    try:
        ratio = expand(expr, work)
        return ratio.key if ratio.value is None else ratio.value
    except (TooLarge, Undefined):
        return expr
