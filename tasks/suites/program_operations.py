"""The operations that specifications of suite ``program`` are made of: what each means, and the Python line for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Value = int | list[int]


@dataclass(frozen=True, slots=True)
class Operation:
    """``takes`` and ``gives`` are ``int`` or ``list``; ``numbers`` is the range of its operand k, None without one.

    ``code`` is an expression of ``x``, with ``{k}`` where the operand stands; ``mistakes`` are two wrong ones.
    """

    takes: type
    gives: type
    numbers: range | None
    meaning: Callable[[Value, int], Value]
    code: str
    mistakes: tuple[str, str]


def _on_int(apply: Callable[[int, int], int]) -> Callable[[Value, int], Value]:
    def meaning(value: Value, operand: int) -> Value:
        if isinstance(value, list):
            raise TypeError("a number is needed")
        return apply(value, operand)

    return meaning


def _on_list(apply: Callable[[list[int], int], Value]) -> Callable[[Value, int], Value]:
    def meaning(value: Value, operand: int) -> Value:
        if not isinstance(value, list):
            raise TypeError("a list is needed")
        return apply(value, operand)

    return meaning


def _each(apply: Callable[[int, int], int]) -> Callable[[Value, int], Value]:
    return _on_list(lambda values, operand: [apply(value, operand) for value in values])


def _kept(holds: Callable[[int, int], bool]) -> Callable[[Value, int], Value]:
    return _on_list(lambda values, operand: [value for value in values if holds(value, operand)])


_SMALL = range(1, 10)
_FACTOR = range(2, 10)
_FEW = range(1, 4)

OPERATIONS: Mapping[str, Operation] = {
    "add": Operation(int, int, _SMALL, _on_int(lambda x, k: x + k), "x+{k}", ("x-{k}", "x+{k}+1")),
    "minus": Operation(int, int, _SMALL, _on_int(lambda x, k: x - k), "x-{k}", ("{k}-x", "x-{k}-1")),
    "times": Operation(int, int, _FACTOR, _on_int(lambda x, k: x * k), "x*{k}", ("x+{k}", "x*{k}+x")),
    "mod": Operation(int, int, _FACTOR, _on_int(lambda x, k: x % k), "x%{k}", ("x//{k}", "x%{k}+1")),
    "negate": Operation(int, int, None, _on_int(lambda x, k: -x), "-x", ("x", "1-x")),
    "square": Operation(int, int, None, _on_int(lambda x, k: x * x), "x*x", ("x+x", "x*x+x")),
    "sort": Operation(list, list, None, _on_list(lambda x, k: sorted(x)), "sorted(x)", ("x[::-1]", "sorted(x)[::-1]")),
    "reverse": Operation(list, list, None, _on_list(lambda x, k: x[::-1]), "x[::-1]", ("sorted(x)", "x[1:]")),
    "evens": Operation(
        list,
        list,
        None,
        _kept(lambda v, k: v % 2 == 0),
        "[v for v in x if v%2==0]",
        ("[v for v in x if v%2==1]", "[v for v in x if v>0]"),
    ),
    "over": Operation(
        list,
        list,
        _SMALL,
        _kept(lambda v, k: v > k),
        "[v for v in x if v>{k}]",
        ("[v for v in x if v<{k}]", "[v for v in x if v>={k}]"),
    ),
    "each add": Operation(
        list,
        list,
        _SMALL,
        _each(lambda v, k: v + k),
        "[v+{k} for v in x]",
        ("[v-{k} for v in x]", "[v+{k}+1 for v in x]"),
    ),
    "each times": Operation(
        list,
        list,
        _FACTOR,
        _each(lambda v, k: v * k),
        "[v*{k} for v in x]",
        ("[v+{k} for v in x]", "[v*{k}+1 for v in x]"),
    ),
    "first": Operation(list, list, _FEW, _on_list(lambda x, k: x[:k]), "x[:{k}]", ("x[{k}:]", "x[:{k}+1]")),
    "drop": Operation(list, list, _FEW, _on_list(lambda x, k: x[k:]), "x[{k}:]", ("x[:{k}]", "x[{k}+1:]")),
    "sum": Operation(list, int, None, _on_list(lambda x, k: sum(x)), "sum(x)", ("len(x)", "sum(x)+1")),
    "count": Operation(list, int, None, _on_list(lambda x, k: len(x)), "len(x)", ("sum(x)", "len(x)-1")),
}
"""By name, as specifications say them."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation with its operand (0 if it takes none)."""

    name: str
    operand: int = 0

    def __str__(self) -> str:
        return f"{self.name} {self.operand}" if OPERATIONS[self.name].numbers else self.name

    def apply(self, value: Value) -> Value:
        """What the operation makes of a value. Raises TypeError for a value that it does not take."""
        return OPERATIONS[self.name].meaning(value, self.operand)

    def code(self, mistake: int = 0) -> str:
        """The expression of ``x`` for it: the right one, or mistake 1 or 2."""
        operation = OPERATIONS[self.name]
        return (operation.code, *operation.mistakes)[mistake].format(k=self.operand)


def read_call(text: str) -> Call:
    """The inverse of ``str(Call)``. Raises ValueError for a text that is none."""
    if text in OPERATIONS and OPERATIONS[text].numbers is None:
        return Call(text)
    name, _, operand = text.rpartition(" ")
    numbers = OPERATIONS[name].numbers if name in OPERATIONS else None
    if numbers is None or operand not in map(str, numbers):
        raise ValueError(f"not an operation: {text!r}")
    return Call(name, int(operand))
