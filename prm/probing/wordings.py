"""The same step in other words: each function gives the text anew, or as it is where there is nothing to change."""

from __future__ import annotations

import re

# Between numbers, names of one letter and brackets; a sign behind a letter ("a -5") is none, and an equals sign may
# stand between words.
_OPERATOR = re.compile(
    r"(?<=[\w)]) ?= ?(?=[\d(])|(?<=[\d)]) ?= ?(?=[\w(])|(?<=[\d)]) ?[-+*/] ?(?=[\d(]|[^\W\d_]\d*\b)"
    r"|(?<=\b[^\W\d_])(?: ?[*/] ?|[-+]| [-+] )(?=[\d(])"
)
_WHOLE = re.compile(r"(?<![\w.,^/\\{])(\d{1,15})(?![\w/^}]|[.,]\d)")
# Words that bind the number behind them to what stands before.
_BINDING = (
    "mod|modulo|times|minus|plus|over|by|of|per|percent|div|less|negative|half|twice|double|"
    "sqrt|root|log|ln|sin|cos|tan"
)
# At the start of a step, behind a word (no command such as \times) or an equals sign: anywhere else something may bind
# stronger than the sign (4 × 2+3) or be a part of the number (1,200*3).
_SWAP = re.compile(
    rf"(\A\s*|(?<![\\\w])(?!(?:{_BINDING})\b)[^\W\d_]{{2,}}[:,]? +|= ?)(\d+)( ?[+*] ?)(\d+)(?= ?=)", re.IGNORECASE
)
_NUMBERED = re.compile(r"(?i)\b(?:step|case|part|equation|line)\s*$")  # what stands before a number that counts nothing
_SYNONYMS = (
    ("therefore", "thus"),
    ("hence", "therefore"),
    ("thus", "hence"),
    ("we get", "we obtain"),
    ("we obtain", "this gives us"),
    ("we have", "we are given"),
    ("equals", "is equal to"),
    ("is equal to", "equals"),
    ("finally", "in the end"),
    ("total", "sum"),
    ("calculate", "compute"),
    ("find", "determine"),
)
# At the start of a sentence alone: "the first term", "so many", "if ... then".
_OPENINGS = (
    (r"so\b(?! (?:far|many|much|that|long)\b)", "so", "therefore"),
    (r"then\b", "then", "after that"),
    (r"next(?=,)", "next", "after this"),
    (r"first(?=,)", "first", "to begin with"),
)
_OTHERS = dict(_SYNONYMS) | {word: other for _, word, other in _OPENINGS}
_BEGINS = re.compile(r"([A-Z][a-z]*)(?=[ ,])")  # a step in words
_COMMON = ("A", "An", "The", "We", "It", "This", "That", "There", "So", "To", "In", "For", "If", "As", "Since", "Our")
_WORDS = re.compile(
    rf"\b(?:{'|'.join(sorted((word for word, _ in _SYNONYMS), key=len, reverse=True))})\b"
    rf"|(?:(?<![^\n])|(?<=[.!?]\s))(?:{'|'.join(pattern for pattern, *_ in _OPENINGS)})",
    re.IGNORECASE,
)


def spaced(text: str) -> str:
    """Blanks around operators between numbers (``2*3=6``: ``2 * 3 = 6``), or none where there are some."""
    if any(found.group().strip() != found.group() for found in _OPERATOR.finditer(text)):
        return _OPERATOR.sub(lambda found: found.group().strip(), text)
    return _OPERATOR.sub(lambda found: f" {found.group().strip()} ", text)


def numbered(text: str) -> str:
    """Whole numbers written otherwise: ``1234`` as ``1,234``, ``12`` as ``12.0``."""

    def other(found: re.Match[str]) -> str:
        digits = found[1]
        if _NUMBERED.search(text[: found.start()]) or (len(digits) > 1 and digits.startswith("0")):
            return digits
        return f"{int(digits):,}" if len(digits) > 3 else f"{digits}.0"

    return _WHOLE.sub(other, text)


def swapped(text: str) -> str:
    """``a+b=`` as ``b+a=``, ``a*b=`` as ``b*a=``, where the two numbers are all that stands before the sign."""
    return _SWAP.sub(lambda found: f"{found[1]}{found[4]}{found[3]}{found[2]}", text)


def worded(text: str) -> str:
    """Connecting words by others of the same meaning; a capital stays one."""

    def other(found: re.Match[str]) -> str:
        word = _OTHERS[found[0].lower()]
        return word[0].upper() + word[1:] if found[0][0].isupper() else word

    return _WORDS.sub(other, text)


def prefaced(text: str) -> str:
    """``Next,`` before a step in words; its first word, which may be a name, keeps its capital unless it is common."""
    found = _BEGINS.match(text)
    if found is None:
        return text
    word = found[1].lower() if found[1] in _COMMON else found[1]
    return f"Next, {word}{text[found.end() :]}"
