"""The constraints of suite ``rewrite``: how the prompt says each, which IFEval constraint it is, and how to meet it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.suites.instructions import check


@dataclass(frozen=True, slots=True)
class _Kind:
    """``argument``: the name of the constraint's one free argument, if any; ``fixed``: its others."""

    constraint_id: str
    meet: Callable[[str, str], str]
    argument: str = ""
    is_list: bool = False
    fixed: tuple[tuple[str, Any], ...] = ()


def _without_comma(text: str, word: str) -> str:
    return text.replace(",", "")


def _without_word(text: str, word: str) -> str:
    return text.replace(f" {word}", "")


def _with_word(text: str, word: str) -> str:
    return f"{text.removesuffix('.')} with {word}."


def _once_more(text: str, word: str) -> str:
    return f"{text} {word.capitalize()}."


def _titled(text: str, word: str) -> str:
    return f"<<{text.split()[-1].strip('.').capitalize()}>> {text}"


_KINDS: Mapping[str, _Kind] = {
    "no comma": _Kind("punctuation:no_comma", _without_comma),
    "no": _Kind("keywords:forbidden_words", _without_word, "forbidden_words", True),
    "has": _Kind("keywords:existence", _with_word, "keywords", True),
    "twice": _Kind("keywords:frequency", _once_more, "keyword", fixed=(("frequency", 2), ("relation", "at least"))),
    "title": _Kind("detectable_format:title", _titled),
    "postscript": _Kind(
        "detectable_content:postscript",
        lambda text, word: f"{text} P.S. bye.",
        fixed=(("postscript_marker", "P.S."),),
    ),
    "end": _Kind("startend:end_checker", lambda text, word: f"{text} {word}", "end_phrase"),
    "quoted": _Kind("startend:quotation", lambda text, word: f'"{text}"'),
    "small": _Kind("change_case:english_lowercase", lambda text, word: text.lower()),
    "capitals": _Kind("change_case:english_capital", lambda text, word: text.upper()),
}

KINDS: tuple[str, ...] = tuple(_KINDS)
"""By name, in the order in which they can be met one after the other: none undoes one before it."""

_WORD = re.compile(r"[a-z]+(?: [a-z]+){0,3}")


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint with its word or phrase (empty if it takes none)."""

    kind: str
    word: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.word}" if self.word else self.kind

    def holds(self, text: str) -> bool:
        """Does the text follow it, strictly (tasks.suites.instructions.check)?"""
        kind = _KINDS[self.kind]
        given = {kind.argument: [self.word] if kind.is_list else self.word} if kind.argument else {}
        return check(kind.constraint_id, {**given, **dict(kind.fixed)}, text)

    def meet(self, text: str) -> str:
        """A text that follows it, made of one that does not."""
        return _KINDS[self.kind].meet(text, self.word)


def read_constraint(text: str) -> Constraint:
    """The inverse of ``str(Constraint)``. Raises ValueError for a text that is none."""
    if text in _KINDS and not _KINDS[text].argument:
        return Constraint(text)
    kind, _, word = text.partition(" ")
    if kind not in _KINDS or not _KINDS[kind].argument or not _WORD.fullmatch(word):
        raise ValueError(f"not a constraint: {text!r}")
    return Constraint(kind, word)
