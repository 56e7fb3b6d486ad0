"""Reads a grader's config strictly: every complaint names the place in it, such as ``grader.graders.length.max``."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from tasks.errors import UserError
from tasks.options import Option

NEEDED: Any = object()
"""The default of an option that must be given."""

_Choice = TypeVar("_Choice", bound=Option)


class Spec:
    """One mapping of the config. What a reader does not ask for is refused by ``finish``."""

    def __init__(self, value: object, path: str = "grader") -> None:
        self.path = path
        if not isinstance(value, Mapping):
            raise UserError(f"{path}: must be a mapping of options, got {shown(value)}")
        self._value: Mapping[Any, Any] = value
        self._asked: list[str] = []

    def fail(self, name: str, rule: str) -> NoReturn:
        """UserError about the option ``name``; ``rule`` says what it must be."""
        got = f", got {shown(self._value[name])}" if name in self._value else ", but it is missing"
        raise UserError(f"{self.path}.{name}: must be {rule}{got}")

    def has(self, name: str) -> bool:
        """Is the option given?"""
        return name in self._value

    def raw(self, name: str, default: Any = NEEDED, rule: str = "given") -> Any:
        """The option as it is."""
        self._asked.append(name)
        if name not in self._value and default is NEEDED:
            self.fail(name, rule)
        return self._value.get(name, default)

    def text(self, name: str, default: Any = NEEDED) -> str:
        """A text with something in it, or the default."""
        found = self.raw(name, default, "a text")
        if name in self._value and (not isinstance(found, str) or not found):
            self.fail(name, "a text that is not empty")
        return found  # type: ignore[no-any-return]

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        found = self.raw(name, default)
        if not isinstance(found, bool):
            self.fail(name, "true or false")
        return found

    def whole(self, name: str, default: Any = NEEDED, least: int = 0, most: int = 10**9) -> int:
        """A whole number from ``least`` to ``most``, or the default."""
        rule = f"a whole number from {least} to {most}"
        found = self.raw(name, default, rule)
        given = name in self._value
        if given and (not isinstance(found, int) or isinstance(found, bool) or not least <= found <= most):
            self.fail(name, rule)
        return found  # type: ignore[no-any-return]

    def number(self, name: str, default: Any = NEEDED, least: float = 0.0, most: float = 1e9) -> float:
        """A finite number from ``least`` to ``most``, or the default."""
        rule = f"a number from {least:g} to {most:g}"
        found = self.raw(name, default, rule)
        given = name in self._value
        if given and (not isinstance(found, int | float) or isinstance(found, bool) or not least <= found <= most):
            self.fail(name, rule)
        return float(found) if given else found

    def choice(self, name: str, options: type[_Choice], default: Any = NEEDED) -> _Choice:
        """A member of an Option enumeration, written by its value."""
        rule = f"one of {', '.join(str(each.value) for each in options)}"
        found = self.raw(name, default, rule)
        if name in self._value and found not in [each.value for each in options]:
            self.fail(name, rule)
        return options(found)

    def texts(self, name: str, default: Any = NEEDED) -> tuple[str, ...]:
        """A list of texts, or one text for a list of one."""
        found = self.raw(name, default, "a list of texts")
        listed = [found] if isinstance(found, str) else found
        if not isinstance(listed, Sequence) or not all(isinstance(each, str) and each for each in listed):
            self.fail(name, "a list of texts")
        return tuple(listed)

    def inner(self, name: str) -> Spec:
        """An option that is itself a mapping of options."""
        return Spec(self.raw(name, NEEDED, "a mapping of options"), f"{self.path}.{name}")

    def names(self) -> list[str]:
        """The options that are given, or the names that a mapping of named things holds."""
        for name in self._value:
            if not isinstance(name, str) or not name:
                raise UserError(f"{self.path}: names must be texts that are not empty, got {shown(name)}")
        return list(self._value)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for name in self.names():
            if name not in self._asked:
                close = difflib.get_close_matches(name, self._asked, n=1, cutoff=0.5)
                hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(sorted(set(self._asked)))}"
                raise UserError(f"{self.path}.{name}: there is no such option{hint}")


def shown(value: object) -> str:
    """A value for a message: short, on one line."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    return text if len(text) <= 60 else text[:57] + "..."
