"""What the parser makes of an answer: a small immutable tree, the same for numbers, sets, matrices and words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Head(StrEnum):
    """What an expression is. ``label`` and the meaning of ``args`` are told for each."""

    NUMBER = "number"  # value
    SYMBOL = "symbol"  # label: the name, with its index; "pi", "e", "i" and "oo" (infinity) are constants
    SUM = "sum"
    PRODUCT = "product"  # label: the letters as written, where they stand alone and may be words (``dog``)
    QUOTIENT = "quotient"  # numerator, denominator
    POWER = "power"  # base, exponent
    FUNCTION = "function"  # label: the name
    PLUS_MINUS = "plus_minus"  # left, right; both signs are meant
    MIXED = "mixed"  # whole part, fraction
    UNIT = "unit"  # label: the unit as written; a quantity
    RATIO = "ratio"  # the sides of 1:2 or 12:30
    RELATION = "relation"  # label: the operators between the sides, by spaces
    GROUP = "group"  # label: the two brackets; a point or an interval, or an expression in brackets
    LIST = "list"  # several answers, in no order
    SET = "set"
    UNION = "union"
    MATRIX = "matrix"  # rows, each a GROUP
    TEXT = "text"  # label: the words as written


@dataclass(frozen=True, slots=True)
class Expr:
    """A node; equal trees were written alike, apart from spaces, brackets and LaTeX's synonyms."""

    head: Head
    args: tuple[Expr, ...] = ()
    label: str = ""
    value: Fraction = Fraction(0)

    def walk(self) -> Iterator[Expr]:
        """This node and all below it."""
        yield self
        for arg in self.args:
            yield from arg.walk()


def number(value: Fraction | int) -> Expr:
    """A constant."""
    return Expr(Head.NUMBER, value=Fraction(value))


def negative(term: Expr) -> Expr:
    """Minus a term."""
    if term.head is Head.NUMBER:
        return number(-term.value)
    return Expr(Head.PRODUCT, (number(-1), term))
