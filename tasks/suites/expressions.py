"""Reads arithmetic of whole numbers (+ - * / and parentheses) exactly. Nothing is evaluated but what is read here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

MAX_LENGTH = 200
"""Longest expression, in characters; with it the size of every value is bounded."""

_MAX_DEPTH = 20
_TOKEN = re.compile(r" *(?:([0-9]{1,6})(?![0-9])|([-+*/()])) *")

Arithmetic = Callable[[str, Fraction, Fraction], Fraction | None]
"""What an operation comes to; None if it has no value."""


@dataclass(frozen=True, slots=True)
class Expression:
    """What an expression comes to, and the numbers in it from left to right."""

    value: Fraction
    numbers: tuple[int, ...]


class _Malformed(Exception):
    """Not an expression, or one without a value."""


def exact(operator: str, left: Fraction, right: Fraction) -> Fraction | None:
    """Arithmetic as it is; None for a division by 0."""
    if operator == "/":
        return left / right if right else None
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def read_expression(text: str, arithmetic: Arithmetic = exact) -> Expression | None:
    """The value and the numbers of an expression; None for another text, a division by 0 and a text over MAX_LENGTH."""
    if len(text) > MAX_LENGTH:
        return None
    try:
        return _Reader(text, arithmetic).read()
    except _Malformed:
        return None


class _Reader:
    """Recursive descent, with the depth of parentheses bounded."""

    def __init__(self, text: str, arithmetic: Arithmetic) -> None:
        self._text = text
        self._arithmetic = arithmetic
        self._at = 0
        self._token = ""
        self._numbers: list[int] = []
        self._advance()

    def read(self) -> Expression:
        value = self._sum(0)
        if self._token:
            raise _Malformed
        return Expression(value, tuple(self._numbers))

    def _advance(self) -> str:
        """Step over the token; it is returned."""
        token = self._token
        if self._at == len(self._text):
            self._token = ""
        else:
            found = _TOKEN.match(self._text, self._at)
            if found is None:
                raise _Malformed
            self._token, self._at = found[1] or found[2], found.end()
        return token

    def _sum(self, depth: int) -> Fraction:
        value = self._product(depth)
        while self._token in ("+", "-"):
            value = self._apply(self._advance(), value, self._product(depth))
        return value

    def _product(self, depth: int) -> Fraction:
        value = self._factor(depth)
        while self._token in ("*", "/"):
            value = self._apply(self._advance(), value, self._factor(depth))
        return value

    def _factor(self, depth: int) -> Fraction:
        token = self._advance()
        if token.isdecimal():
            self._numbers.append(int(token))
            return Fraction(int(token))
        if token != "(" or depth == _MAX_DEPTH:
            raise _Malformed
        value = self._sum(depth + 1)
        if self._advance() != ")":
            raise _Malformed
        return value

    def _apply(self, operator: str, left: Fraction, right: Fraction) -> Fraction:
        value = self._arithmetic(operator, left, right)
        if value is None:
            raise _Malformed
        return value
