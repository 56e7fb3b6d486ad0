"""The game of suite ``countdown``: how it is written, and ways to a target.

``3 5 7 -> 22`` gives three numbers, each of which may be used once; ``3*5+7`` is one way to 22.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

OPERATORS = "+-*/"
_PROMPT = re.compile(r"([1-9][0-9]{0,3}(?: [1-9][0-9]{0,3}){1,5}) -> ([1-9][0-9]{0,5})\n")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}

Arithmetic = Callable[[str, int, int], int | None]
"""What an operation comes to; None if the game does not allow it."""


@dataclass(frozen=True, slots=True)
class Part:
    """A number on the table: its value, the expression it came from, and that expression's weakest operator."""

    value: int
    text: str
    precedence: int = 3


Way = tuple[tuple[str, ...], Part]
"""The steps, such as ``3*5=15``, and what they end in."""


@dataclass(frozen=True, slots=True)
class Game:
    """The numbers, the target, and the way by which it was drawn."""

    numbers: tuple[int, ...]
    target: int
    way: Way

    @property
    def prompt(self) -> str:
        """The problem as text; it ends with its only newline."""
        return f"{' '.join(map(str, self.numbers))} -> {self.target}\n"

    @property
    def answer(self) -> str:
        """One right expression of many."""
        return self.way[1].text

    @property
    def level(self) -> int:
        """The number of operations by which it was drawn."""
        return len(self.way[0])


def allowed(operator: str, left: int, right: int) -> int | None:
    """The result if it is a whole number of at least 1 and the operation changes something."""
    if operator == "/":
        return left // right if right > 1 and left % right == 0 else None
    if operator == "*" and 1 in (left, right):
        return None
    result = {"+": left + right, "-": left - right, "*": left * right}[operator]
    return result if result >= 1 else None


def read_game(prompt: str) -> tuple[tuple[int, ...], int]:
    """The numbers and the target. Raises ValueError for a text of another form."""
    found = _PROMPT.fullmatch(prompt)
    if found is None:
        raise ValueError(f"not a countdown problem: {prompt!r:.80}")
    return tuple(map(int, found[1].split())), int(found[2])


def combined(operator: str, left: Part, right: Part, value: int) -> Part:
    """What two parts make. Read from left to right, the expression takes the very steps by which it came about."""
    own = _PRECEDENCE[operator]
    first = left.text if left.precedence >= own else f"({left.text})"
    second = right.text if right.precedence > own else f"({right.text})"
    return Part(value, f"{first}{operator}{second}", own)


def moves(parts: tuple[Part, ...], arithmetic: Arithmetic, most: int) -> Iterator[tuple[str, Part, tuple[Part, ...]]]:
    """Every step that is possible now: its text, what it makes, and the numbers then on the table."""
    for i, j in combinations(range(len(parts)), 2):
        rest = tuple(part for place, part in enumerate(parts) if place not in (i, j))
        for operator in OPERATORS:
            for left, right in ((parts[i], parts[j]), (parts[j], parts[i])):
                value = arithmetic(operator, left.value, right.value)
                if value is not None and value <= most:
                    made = combined(operator, left, right, value)
                    yield f"{left.value}{operator}{right.value}={value}", made, (*rest, made)
                if operator in "+*":
                    break


def random_way(rng: np.random.Generator, numbers: tuple[int, ...], most: int) -> Way | None:
    """Combine all the numbers at random; None if that comes to a dead end."""
    parts, steps = tuple(Part(number, str(number)) for number in numbers), []
    while len(parts) > 1:
        possible = list(moves(parts, allowed, most))
        if not possible:
            return None
        operator = OPERATORS[int(rng.integers(len(OPERATORS)))]  # else sums and products, always allowed, prevail
        possible = [move for move in possible if operator in move[0]] or possible
        step, _, parts = possible[int(rng.integers(len(possible)))]
        steps.append(step)
    return tuple(steps), parts[0]


def find_way(
    rng: np.random.Generator, numbers: tuple[int, ...], target: int, arithmetic: Arithmetic, most: int, budget: int
) -> Iterator[Way]:
    """Ways to the target by this arithmetic, in random order, until ``budget`` steps have been looked at."""
    looked = 0

    def search(parts: tuple[Part, ...], steps: tuple[str, ...]) -> Iterator[Way]:
        nonlocal looked
        possible = list(moves(parts, arithmetic, most))
        for index in rng.permutation(len(possible)).tolist():
            if (looked := looked + 1) > budget:
                return
            step, made, after = possible[index]
            if made.value == target:
                yield (*steps, step), made
            elif len(after) > 1:
                yield from search(after, (*steps, step))

    return search(tuple(Part(number, str(number)) for number in numbers), ())
