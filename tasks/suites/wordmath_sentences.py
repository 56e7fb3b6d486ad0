"""The sentences of suite ``wordmath``.

{a} is whose quantity is told of, {b} somebody new, {t} what is counted, {n} and {m} are numbers.
"""

from __future__ import annotations

import re

NAMES = ("Tom", "Ann", "Sam", "Eva", "Max", "Mia")
THINGS = ("pens", "eggs", "cups", "nuts", "hats", "keys")

OPENINGS = {
    "has": "{a} has {n} {t}.",
    "boxes": "{a} has {n} boxes of {m} {t}.",
    "days": "{a} makes {n} {t} a day for {m} days.",
}
EVENTS = {
    "gets": ("+", "{a} gets {n} more."),
    "finds": ("+", "{a} finds {n}."),
    "loses": ("-", "{a} loses {n}."),
    "gives": ("-", "{a} gives away {n}."),
    "more": ("+", "{b} has {n} more than {a}."),
    "fewer": ("-", "{b} has {n} fewer than {a}."),
    "times": ("*", "{b} has {n} times as many as {a}."),
    "sells": ("*", "{a} sells all for {n} coins each."),
    "bags": ("/", "{a} fills {n} equal bags and keeps one."),
    "inverse": ("/", "That is {n} times as many as {b} has."),
}
DISTRACTORS = {"age": "{a} is {n} years old.", "walk": "{a} walks {n} miles."}
QUESTIONS = {
    "left": "How many {t} does {a} have?",
    "together": "How many {t} do {a} and {b} have?",
}
FACTS = ("boxes", "days", *EVENTS, "together")
"""The sentences that ask for an operation: those whose meaning a demonstration may mistake."""

OPERATOR = {"boxes": "*", "days": "*", "together": "+"} | {key: operator for key, (operator, _) in EVENTS.items()}
TEXT = OPENINGS | {key: text for key, (_, text) in EVENTS.items()} | DISTRACTORS | QUESTIONS

_SLOTS = {name: rf"(?P<{name}>[A-Z][a-z]{{1,9}})" for name in "ab"}
_SLOTS |= {"t": "(?P<t>[a-z]{1,9})"} | {name: rf"(?P<{name}>[1-9][0-9]{{0,3}})" for name in "nm"}


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\{", "{").replace(r"\}", "}").format(**_SLOTS))


_PATTERNS = {key: _pattern(text) for key, text in TEXT.items()}


def read_sentence(sentence: str) -> tuple[str, dict[str, str]]:
    """The key and the slots of a sentence. Raises ValueError for one that is none of these."""
    for key, pattern in _PATTERNS.items():
        found = pattern.fullmatch(sentence)
        if found:
            return key, found.groupdict()
    raise ValueError(f"not a sentence of a word problem: {sentence!r:.80}")
