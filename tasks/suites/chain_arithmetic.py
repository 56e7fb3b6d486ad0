"""Chains of modular arithmetic: how a problem is written, read and worked out.

``7 +5 *3 -2 mod 10`` starts at 7 and applies the operations strictly left to right, each modulo 10.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OPERATORS = "+-*"

_OPERATION = re.compile(r" ([-+*])([0-9]+)")
_PROMPT = re.compile(r"([0-9]+)((?: [-+*][0-9]+)+) mod ([0-9]+)\n")


@dataclass(frozen=True, slots=True)
class Chain:
    """A start value, the operations (operator, right operand) in order, and the modulus."""

    start: int
    operations: tuple[tuple[str, int], ...]
    modulus: int

    @property
    def prompt(self) -> str:
        """The problem as text; it ends with a newline."""
        operations = "".join(f" {operator}{operand}" for operator, operand in self.operations)
        return f"{self.start}{operations} mod {self.modulus}\n"

    @property
    def value(self) -> int:
        """What the chain comes to."""
        value = self.start
        for operator, operand in self.operations:
            value = apply(operator, value, operand, self.modulus)
        return value

    @property
    def answer(self) -> str:
        """The value as a solution states it."""
        return str(self.value)

    @property
    def level(self) -> int:
        """The number of operations."""
        return len(self.operations)


def apply(operator: str, left: int, right: int, modulus: int) -> int:
    """The right result of one operation, in 0..modulus-1."""
    if operator == "+":
        return (left + right) % modulus
    if operator == "-":
        return (left - right) % modulus
    assert operator == "*", operator
    return (left * right) % modulus


def operands(operator: str, modulus: int) -> range:
    """The right operands that chains are drawn with.

    No factor is 0: it would make every step before it irrelevant, right or wrong.
    """
    return range(1 if operator == "*" else 0, modulus)


def read_chain(prompt: str) -> Chain:
    """The inverse of ``Chain.prompt``. Raises ValueError for a text of another form."""
    found = _PROMPT.fullmatch(prompt)
    if found is None:
        raise ValueError(f"not a chain problem: {prompt!r}")
    operations = tuple((operator, int(operand)) for operator, operand in _OPERATION.findall(found[2]))
    return Chain(int(found[1]), operations, int(found[3]))
