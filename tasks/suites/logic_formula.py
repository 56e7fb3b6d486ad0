"""Formulas of propositional logic: read by a parser of our own with static limits, written in one form.

    P   ~P   P&Q   P|Q   P>Q        ``~`` binds strongest, then ``&``, ``|``, ``>``; ``->`` is read as ``>``

``&`` and ``|`` group to the left, ``>`` to the right (``P>Q>R`` is ``P>(Q>R)``). An atom is a letter, possibly with
more letters and digits behind it. Spaces do not count.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_FORMULA = 200
"""Longest text, in characters, that is read as a formula."""

MAX_DEPTH = 20
"""Deepest nesting of brackets and negations."""

_TOKEN = re.compile(r" *(?:(->|[~&|>()])|([A-Za-z][A-Za-z0-9]{0,15})(?![A-Za-z0-9]))")
_BINDING = {">": 0, "|": 1, "&": 2, "~": 3}


class FormulaError(ValueError):
    """A text that is no formula."""


@dataclass(frozen=True, slots=True)
class Formula:
    """An atom (``operator`` empty, ``name`` given) or an operator with its one (``~``) or two parts."""

    operator: str
    parts: tuple[Formula, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        if not self.operator:
            return self.name
        if self.operator == "~":
            return f"~{_within(self.parts[0], 3)}"
        binding = _BINDING[self.operator]
        left, right = self.parts
        to_right = self.operator == ">"
        return f"{_within(left, binding + to_right)}{self.operator}{_within(right, binding + (not to_right))}"

    def holds(self, world: Mapping[str, bool]) -> bool:
        """Is the formula true where the atoms are as ``world`` says?"""
        match self.operator:
            case "":
                return world[self.name]
            case "~":
                return not self.parts[0].holds(world)
            case "&":
                return self.parts[0].holds(world) and self.parts[1].holds(world)
            case "|":
                return self.parts[0].holds(world) or self.parts[1].holds(world)
            case _:
                return not self.parts[0].holds(world) or self.parts[1].holds(world)

    def atoms(self) -> frozenset[str]:
        """The names of the atoms that occur."""
        return frozenset((self.name,)) if not self.operator else frozenset().union(*(p.atoms() for p in self.parts))


def atom(name: str) -> Formula:
    """The formula that is one atom."""
    return Formula("", name=name)


def negation(part: Formula) -> Formula:
    """``~part``."""
    return Formula("~", (part,))


def conjunction(left: Formula, right: Formula) -> Formula:
    """``left & right``."""
    return Formula("&", (left, right))


def disjunction(left: Formula, right: Formula) -> Formula:
    """``left | right``."""
    return Formula("|", (left, right))


def implication(left: Formula, right: Formula) -> Formula:
    """``left > right``."""
    return Formula(">", (left, right))


def opposite(formula: Formula) -> Formula:
    """``A`` for ``~A`` and ``~A`` for ``A``."""
    return formula.parts[0] if formula.operator == "~" else negation(formula)


def read_formula(text: str) -> Formula:
    """The formula that a text is. Raises FormulaError for one that is none, or longer than MAX_FORMULA."""
    if len(text) > MAX_FORMULA:
        raise FormulaError(f"a formula has at most {MAX_FORMULA} characters, this one {len(text)}")
    reader = _Reader(_tokens(text.strip(" ")))
    formula = reader.binary(0)
    if reader.tokens:
        raise FormulaError(f"no formula: {reader.tokens[-1]!r} stands where it should end")
    return formula


def _tokens(text: str) -> list[str]:
    """The tokens, the last one first, so that the next one is popped."""
    found, at = [], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise FormulaError(f"no formula: {text[at : at + 1]!r} cannot stand here")
        found.append(">" if token[1] == "->" else token[1] or token[2])
        at = token.end()
    return found[::-1]


class _Reader:
    """Recursive descent."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self._depth = 0

    def binary(self, binding: int) -> Formula:
        """A formula of operators that bind at least so strongly."""
        if binding == 3:
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise FormulaError(f"no formula: nested deeper than {MAX_DEPTH}")
            found = self._unary()
            self._depth -= 1
            return found
        operator = ">|&"[binding]
        parts = [self.binary(binding + 1)]
        while self.tokens and self.tokens[-1] == operator:
            self.tokens.pop()
            parts.append(self.binary(binding + 1))
        if operator == ">":
            parts.reverse()
        found = parts[0]
        for part in parts[1:]:
            found = Formula(operator, (part, found) if operator == ">" else (found, part))
        return found

    def _unary(self) -> Formula:
        if not self.tokens:
            raise FormulaError("no formula: it breaks off")
        token = self.tokens.pop()
        if token == "~":
            return negation(self.binary(3))
        if token == "(":
            found = self.binary(0)
            if not self.tokens or self.tokens.pop() != ")":
                raise FormulaError("no formula: a bracket is not closed")
            return found
        if token in _BINDING or token == ")":
            raise FormulaError(f"no formula: {token!r} cannot stand here")
        return atom(token)


def _within(formula: Formula, binding: int) -> str:
    own = _BINDING.get(formula.operator, 4)
    return f"({formula})" if own < binding else str(formula)
