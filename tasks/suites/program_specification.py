"""Specifications of suite ``program``: operations in a row, their examples and their hidden tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tasks.seeding import derive_seed
from tasks.suites.program_operations import OPERATIONS, Call, Value, read_call

EXAMPLES = 2
"""Inputs that the prompt shows with what comes out."""

HIDDEN = 10
"""Inputs of the hidden tests; none of them is an example's."""


@dataclass(frozen=True, slots=True)
class Specification:
    """What a program is to do with its input. Examples and tests follow from the operations alone."""

    calls: tuple[Call, ...]

    @property
    def takes(self) -> type:
        """``int`` or ``list``."""
        return OPERATIONS[self.calls[0].name].takes

    @property
    def prompt(self) -> str:
        examples = " ".join(f"{_short(value)}:{_short(self.apply(value))}" for value in self.visible_inputs())
        return f"{_written(self.calls)}\n{examples}\n"

    @property
    def answer(self) -> str:
        return "; ".join(self.lines([0] * len(self.calls)))

    @property
    def level(self) -> int:
        return len(self.calls)

    def lines(self, mistakes: Sequence[int]) -> list[str]:
        """A line for each operation, right (0) or with its mistake 1 or 2; the last one returns."""
        *lines, last = [call.code(mistake) for call, mistake in zip(self.calls, mistakes, strict=True)]
        return [*(f"x={line}" for line in lines), f"return {last}"]

    def apply(self, value: Value) -> Value:
        """What comes of an input."""
        for call in self.calls:
            value = call.apply(value)
        return value

    def visible_inputs(self) -> list[Value]:
        """The examples' inputs."""
        return self._inputs()[:EXAMPLES]

    def hidden_inputs(self) -> list[Value]:
        """The tests' inputs."""
        return self._inputs()[EXAMPLES:]

    def _inputs(self) -> list[Value]:
        rng = np.random.default_rng(derive_seed("program", "inputs", _written(self.calls)))
        found: list[Value] = []
        while len(found) < EXAMPLES + HIDDEN:
            one: Value = int(rng.integers(-9, 31))
            if self.takes is list:
                # Examples have two values at least, and one test has none.
                size = int(rng.integers(2, 5)) if len(found) < EXAMPLES else (len(found) - EXAMPLES) % 6
                one = rng.integers(-9, 31, size=size).tolist()
            if one not in found or one == []:
                found.append(one)
        return found


def read_specification(prompt: str) -> Specification:
    """The inverse of ``Specification.prompt``. Raises ValueError for a text of another form."""
    try:
        calls = tuple(read_call(text) for text in prompt.partition("\n")[0].split(", "))
    except ValueError:
        raise ValueError(f"not a program problem: {prompt!r}") from None
    kinds = [OPERATIONS[call.name] for call in calls]
    if any(before.gives is not after.takes for before, after in pairwise(kinds)):
        raise ValueError(f"not a program problem: {prompt!r}")
    found = Specification(calls)
    if found.prompt != prompt:
        raise ValueError(f"not a program problem: {prompt!r}")
    return found


def draw_specification(length: int, takes: type, rng: np.random.Generator) -> Specification:
    """So many different operations; from lists it may go on to numbers, of which the last operations are then."""
    calls: list[Call] = []
    kind = takes
    while len(calls) < length:
        used = {call.name for call in calls}
        names = [name for name, one in OPERATIONS.items() if one.takes is kind and name not in used]
        name = names[int(rng.integers(len(names)))]
        numbers = OPERATIONS[name].numbers
        calls.append(Call(name, int(rng.integers(numbers.start, numbers.stop)) if numbers else 0))
        kind = OPERATIONS[name].gives
    return Specification(tuple(calls))


def _written(calls: Sequence[Call]) -> str:
    return ", ".join(map(str, calls))


def _short(value: Value) -> str:
    return repr(value).replace(" ", "")
