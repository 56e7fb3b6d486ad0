r"""Regular expressions whose cost grows in a straight line with the text, whatever the pattern and the text.

Python's ``re`` goes back and tries again, so that ``(a+)+$`` takes years on 40 letters, and cannot be interrupted. Here
a pattern is parsed by Python and then run as a set of states that moves through the text once (Thompson 1968). Python's
syntax and meaning, except what cannot be run so: back-references, look-around, atomic groups and possessive repeats.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

_parser: Any = importlib.import_module("re._parser")  # not known to type checkers; the public name is deprecated

MAX_PATTERN, MAX_STATES = 2_000, 2_000
"""Longest pattern in characters, and the most states it may come to: ``(a{9}){9}`` has 81."""

MAX_WORK = 1_000_000
"""State visits that one text may cost: well below a second."""

_END, _LAST_NEWLINE, _NEWLINE, _WORD, _OTHER = range(5)  # what stands at a side of a position

_Test = Callable[[str], bool]
_Place = Callable[[int, int], bool]  # of what stands before and behind
_PLACES: dict[str, _Place] = {
    "AT_BEGINNING": lambda before, behind: before == _END,
    "AT_BEGINNING_STRING": lambda before, behind: before == _END,
    "AT_END": lambda before, behind: behind in (_END, _LAST_NEWLINE),
    "AT_END_STRING": lambda before, behind: behind == _END,
    "AT_BOUNDARY": lambda before, behind: (before == _WORD) != (behind == _WORD),
    "AT_NON_BOUNDARY": lambda before, behind: (before == _WORD) == (behind == _WORD),
}
_LINE_PLACES: dict[str, _Place] = _PLACES | {
    "AT_BEGINNING": lambda before, behind: before in (_END, _LAST_NEWLINE, _NEWLINE),
    "AT_END": lambda before, behind: behind in (_END, _LAST_NEWLINE, _NEWLINE),
}


class UnsupportedPattern(Exception):
    """What is wrong with a pattern."""


class TooMuchWork(Exception):
    """The text is too long for the pattern (MAX_WORK)."""


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_"


_CATEGORIES: dict[str, _Test] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": _is_word,
    "CATEGORY_NOT_DIGIT": lambda char: not char.isdecimal(),
    "CATEGORY_NOT_SPACE": lambda char: not char.isspace(),
    "CATEGORY_NOT_WORD": lambda char: not _is_word(char),
}


class LinearRegex:
    """A pattern ready to run. Raises UnsupportedPattern."""

    def __init__(self, pattern: str, ignore_case: bool = False) -> None:
        if len(pattern) > MAX_PATTERN:
            raise UnsupportedPattern(f"it has {len(pattern)} characters, and {MAX_PATTERN} are the most")
        self._tests: dict[int, tuple[_Test, int]] = {}
        self._places: dict[int, tuple[_Place, int]] = {}
        self._forks: dict[int, Sequence[int]] = {}
        self._count = 1  # state 0 is the match
        try:
            parsed = _parser.parse(pattern, re.IGNORECASE if ignore_case else 0)
            flags = parsed.state.flags
            if flags & (re.ASCII | re.LOCALE):
                raise UnsupportedPattern("(?a) and (?L) are not known here")
            self._start = self._sequence(parsed, flags, 0)
        except re.error as error:
            raise UnsupportedPattern(f"Python cannot read it ({error})") from error
        except (OverflowError, RecursionError) as error:
            raise UnsupportedPattern("it is nested or repeated too much") from error

    def matches(self, text: str, full: bool) -> bool:
        """Does the whole text match, or (``full`` false) any stretch of it? Raises TooMuchWork."""
        # Nothing is kept from one text to the next: what a text may cost must not depend on which came before.
        closures: dict[tuple[frozenset[int], int, int], tuple[tuple[int, ...], bool]] = {}
        steps: dict[tuple[tuple[int, ...], str], frozenset[int]] = {}
        begin = frozenset([self._start])
        states, before, work = begin, _END, 0
        for place in range(len(text) + 1):
            behind = _side(text, place)
            if (states, before, behind) not in closures:
                closures[states, before, behind] = self._closure(states, before, behind)
                work += self._count
            tests, is_match = closures[states, before, behind]
            if place == len(text) or (is_match and not full):
                return is_match
            step = (tests, text[place])
            if step not in steps:
                steps[step] = self._step(*step)
                work += len(tests)
            states, before = (steps[step] if full else steps[step] | begin), behind
            work += 1
            if work > MAX_WORK:
                raise TooMuchWork(f"the text of {len(text)} characters is too long for the pattern")
        raise AssertionError("the loop ends at the end of the text")

    def _closure(self, states: frozenset[int], before: int, behind: int) -> tuple[tuple[int, ...], bool]:
        """The states with a test that are reached without reading on, in order, and whether the match is."""
        waiting, seen = list(states), set(states)
        while waiting:
            state = waiting.pop()
            reached: Sequence[int] = self._forks.get(state, ())
            if state in self._places:
                place, after = self._places[state]
                reached = (after,) if place(before, behind) else ()
            waiting += [each for each in reached if each not in seen]
            seen.update(reached)
        return tuple(sorted(each for each in seen if each in self._tests)), 0 in seen

    def _step(self, states: tuple[int, ...], char: str) -> frozenset[int]:
        pairs = (self._tests[state] for state in states)
        return frozenset(after for test, after in pairs if test(char))

    # From the pattern's parts to states: each is built in front of the state that comes after it.

    def _new(self) -> int:
        self._count += 1
        if self._count > MAX_STATES:
            raise UnsupportedPattern(f"it comes to more than {MAX_STATES} states; repeat less")
        return self._count - 1

    def _sequence(self, parts: Any, flags: int, after: int) -> int:
        for name, value in reversed(list(parts)):
            after = self._part(str(name), value, flags, after)
        return after

    def _part(self, name: str, value: Any, flags: int, after: int) -> int:
        match name:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                state = self._new()
                self._tests[state] = (_test(name, value, flags), after)
                return state
            case "AT":
                state = self._new()
                self._places[state] = ((_LINE_PLACES if flags & re.MULTILINE else _PLACES)[str(value)], after)
                return state
            case "BRANCH":
                return self._fork([self._sequence(branch, flags, after) for branch in value[1]])
            case "SUBPATTERN":
                _, added, removed, inner = value
                if added & re.ASCII:
                    raise UnsupportedPattern("(?a) is not known here")
                return self._sequence(inner, (flags | added) & ~removed, after)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, inner = value
                return self._repeat(least, most, inner, flags, after)
        raise UnsupportedPattern(f"{name.lower().replace('_', ' ')} is not: leave it out, or use a multi grader")

    def _fork(self, ways: Sequence[int]) -> int:
        state = self._new()
        self._forks[state] = ways
        return state

    def _repeat(self, least: int, most: int, inner: Any, flags: int, after: int) -> int:
        if str(most) == "MAXREPEAT":
            loop = self._fork(())
            self._forks[loop] = (self._sequence(inner, flags, loop), after)
            after = loop
        else:
            end = after
            for _ in range(most - least):
                after = self._fork((self._sequence(inner, flags, after), end))
        for _ in range(least):
            after = self._sequence(inner, flags, after)
        return after


def _side(text: str, place: int) -> int:
    """What stands at a place of the text; _END beyond it."""
    if place == len(text):
        return _END
    char = text[place]
    if char == "\n":
        return _LAST_NEWLINE if place == len(text) - 1 else _NEWLINE
    return _WORD if _is_word(char) else _OTHER


def _test(name: str, value: Any, flags: int) -> _Test:
    if name == "ANY":
        return (lambda char: True) if flags & re.DOTALL else (lambda char: char != "\n")
    items = value if name == "IN" else [("LITERAL", value)]
    is_not = name == "NOT_LITERAL" or str(items[0][0]) == "NEGATE"
    tests = [_item_test(str(kind), each) for kind, each in items if str(kind) != "NEGATE"]
    if not flags & re.IGNORECASE:
        return lambda char: any(test(char) for test in tests) != is_not
    return lambda char: any(test(each) for each in {char, char.lower(), char.upper()} for test in tests) != is_not


def _item_test(kind: str, value: Any) -> _Test:
    if kind == "LITERAL":
        return lambda char: char == chr(value)
    if kind == "RANGE":
        low, high = value
        return lambda char: len(char) == 1 and low <= ord(char) <= high
    return _CATEGORIES[str(value)]
