"""The short texts of suite ``rewrite``: how one is drawn, and what of it a rewriting must keep."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.suites.rewrite_constraints import Constraint, read_constraint

NOUNS = ("cat", "dog", "fox", "hen", "owl", "pig", "bee", "cow", "goat", "frog", "duck", "crab")
QUALITIES = ("red", "old", "big", "shy", "wet", "sad", "kind", "grey")
VERBS = ("met", "saw", "fed", "hid", "led", "woke", "lost", "drew")
FILLERS = ("very", "quite", "too", "rather")
ENDINGS = ("ok", "so be it", "bye now", "done")

EXTRA_WORDS = 10
"""A rewriting has at most so many words more than the text."""

MAX_REWRITING = 1000
"""Longest rewriting, in characters."""

_CONTENT = frozenset((*NOUNS, *QUALITIES, *VERBS))
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class RewriteProblem:
    """A text of one line and the constraints that its rewriting must follow."""

    text: str
    constraints: tuple[Constraint, ...]

    @property
    def prompt(self) -> str:
        return f"{self.text}\n{'; '.join(map(str, self.constraints))}\n"

    @property
    def answer(self) -> str:
        text = self.text
        for constraint in self.constraints:
            text = constraint.meet(text)
        return text

    @property
    def level(self) -> int:
        return len(self.constraints)


def read_rewrite_problem(prompt: str) -> RewriteProblem:
    """The inverse of ``RewriteProblem.prompt``. Raises ValueError for a text of another form."""
    lines = prompt.split("\n")
    if len(lines) != 3 or lines[2] or not lines[0].strip():
        raise ValueError(f"not a rewrite problem: {prompt!r}")
    return RewriteProblem(lines[0], tuple(read_constraint(text) for text in lines[1].split("; ")))


def content(text: str) -> list[str]:
    """The words that carry the text's content, in order: its nouns, qualities and verbs in small letters."""
    return [word for word in _WORD.findall(text.lower()) if word in _CONTENT]


def keeps_content(rewriting: str, text: str) -> bool:
    """Does a rewriting have all of a text's content, in its order?"""
    rest = iter(_WORD.findall(rewriting.lower()))
    return all(word in rest for word in content(text))


def is_brief(rewriting: str, text: str) -> bool:
    """Has a rewriting at most EXTRA_WORDS words more than the text? (One over MAX_REWRITING is not read.)"""
    if len(rewriting) > MAX_REWRITING:
        return False
    return len(_WORD.findall(rewriting.lower())) <= len(_WORD.findall(text.lower())) + EXTRA_WORDS


def draw_text(rng: np.random.Generator) -> tuple[str, str]:
    """A text with a comma, and the filler in it."""
    one, other, third = (str(word) for word in rng.choice(NOUNS, size=3, replace=False))
    quality, another = (str(word) for word in rng.choice(QUALITIES, size=2, replace=False))
    verb, filler = str(rng.choice(VERBS)), str(rng.choice(FILLERS))
    forms = (
        f"The {quality} {one}, {filler} {another}, {verb} a {other}.",
        f"A {filler} {quality} {one} {verb} the {other}, and the {third}.",
        f"The {one} {verb} a {filler} {quality} {other}, a {another} {third}.",
    )
    return forms[int(rng.integers(len(forms)))], filler


def draw_constraint(kind: str, text: str, filler: str, rng: np.random.Generator) -> Constraint:
    """A constraint of this kind that the text does not follow yet."""
    words = content(text)
    nouns = [noun for noun in NOUNS if noun in words]
    choices: dict[str, Sequence[str]] = {
        "no": [filler],
        "has": [noun for noun in NOUNS if noun not in words],
        "twice": nouns,
        "end": ENDINGS,
    }
    options = choices.get(kind, [""])
    return Constraint(kind, options[int(rng.integers(len(options)))])
