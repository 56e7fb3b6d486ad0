"""Constraints on a text that a program can check, under IFEval's ids (Zhou et al. 2023, arXiv:2311.07911, table 1).

``check`` is the paper's strict accuracy for one constraint, ``check_loose`` its loose one (section 2). Nothing is
downloaded and no language is detected, so these differ from the published program, knowingly:

- Keywords are plain text, not regular expressions; a word of ``forbidden_words`` is a whole word.
- Words are runs of letters, digits and underscores (as published: ``\\w+``).
- Sentences are split here: one ends at ``.``, ``!`` or ``?`` before a space or the end, closing quotes and brackets
  included, but not after a single capital letter or one of a few abbreviations (``Dr.``, ``e.g.``). Text behind the
  last such end is a sentence if it has a word. Newlines end none. (Published: NLTK's punkt.)
- The case constraints ask for at least one cased letter and none of the other case, in whatever language.

Every check reads a text a fixed number of times, so a hostile one costs no more than its length.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.errors import UserError
from tasks.suites import instructions_checks as checks

MAX_COUNT = 100_000
"""Largest number that a constraint may ask for."""

MAX_PHRASE = 500
"""Longest keyword or phrase, in characters."""

MAX_PHRASES = 50
"""Longest list of keywords."""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _is_phrase(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= MAX_PHRASE


def _is_letter(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 1 and value.isalpha()


def _is_phrases(value: Any) -> bool:
    return isinstance(value, list | tuple) and 1 <= len(value) <= MAX_PHRASES and all(map(_is_phrase, value))


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an argument must be: a test, and the same in words."""

    holds: Callable[[Any], bool]
    words: str


_COUNT = _Kind(_is_count, f"a whole number in 0..{MAX_COUNT}")
_PHRASE = _Kind(_is_phrase, f"a text of 1 to {MAX_PHRASE} characters that is not blank")
_LETTER = _Kind(_is_letter, "one letter")
_PHRASES = _Kind(_is_phrases, f"a list of 1 to {MAX_PHRASES} texts of 1 to {MAX_PHRASE} characters")
_RELATION = _Kind(lambda value: value in ("at least", "less than"), "'at least' or 'less than'")


@dataclass(frozen=True, slots=True)
class _Constraint:
    holds: Callable[..., bool]
    arguments: Mapping[str, _Kind]


_CONSTRAINTS: dict[str, _Constraint] = {
    "keywords:existence": _Constraint(checks.existence, {"keywords": _PHRASES}),
    "keywords:forbidden_words": _Constraint(checks.forbidden_words, {"forbidden_words": _PHRASES}),
    "keywords:frequency": _Constraint(
        checks.frequency, {"keyword": _PHRASE, "frequency": _COUNT, "relation": _RELATION}
    ),
    "keywords:letter_frequency": _Constraint(
        checks.letter_frequency, {"letter": _LETTER, "let_frequency": _COUNT, "let_relation": _RELATION}
    ),
    "length_constraints:number_words": _Constraint(checks.number_words, {"num_words": _COUNT, "relation": _RELATION}),
    "length_constraints:number_sentences": _Constraint(
        checks.number_sentences, {"num_sentences": _COUNT, "relation": _RELATION}
    ),
    "length_constraints:number_paragraphs": _Constraint(checks.number_paragraphs, {"num_paragraphs": _COUNT}),
    "detectable_format:number_bullet_lists": _Constraint(checks.number_bullet_lists, {"num_bullets": _COUNT}),
    "detectable_format:json_format": _Constraint(checks.json_format, {}),
    "detectable_format:title": _Constraint(checks.title, {}),
    "detectable_content:postscript": _Constraint(checks.postscript, {"postscript_marker": _PHRASE}),
    "detectable_content:number_placeholders": _Constraint(checks.number_placeholders, {"num_placeholders": _COUNT}),
    "change_case:english_lowercase": _Constraint(checks.lowercase, {}),
    "change_case:english_capital": _Constraint(checks.capital, {}),
    "punctuation:no_comma": _Constraint(checks.no_comma, {}),
    "startend:end_checker": _Constraint(checks.end_checker, {"end_phrase": _PHRASE}),
    "startend:quotation": _Constraint(checks.quotation, {}),
}

CONSTRAINT_IDS: tuple[str, ...] = tuple(_CONSTRAINTS)
"""The constraints that there are, by IFEval's ids."""


def check_arguments(constraint_id: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the constraint takes. Those that are None do not count: IFEval's rows fill up with them.

    Raises UserError for an unknown constraint, and for an argument that is unknown, missing or of another kind.
    """
    constraint = _CONSTRAINTS.get(constraint_id)
    if constraint is None:
        raise UserError(f"there is no constraint {constraint_id!r}; there are {', '.join(CONSTRAINT_IDS)}")
    given = {name: value for name, value in kwargs.items() if value is not None}
    for name, kind in constraint.arguments.items():
        if name not in given:
            raise UserError(f"constraint {constraint_id} needs the argument {name}, {kind.words}")
        if not kind.holds(given[name]):
            raise UserError(f"constraint {constraint_id}: {name} must be {kind.words}, got {given[name]!r:.80}")
    for name in given:
        if name not in constraint.arguments:
            takes = ", ".join(constraint.arguments) or "none"
            raise UserError(f"constraint {constraint_id} takes no argument {name!r} (it takes: {takes})")
    return given


def check(constraint_id: str, kwargs: Mapping[str, Any], text: str) -> bool:
    """Does the text follow the constraint, as it stands? A blank text follows none. Raises as ``check_arguments``."""
    given = check_arguments(constraint_id, kwargs)
    return bool(text.strip()) and _CONSTRAINTS[constraint_id].holds(text, **given)


def check_loose(constraint_id: str, kwargs: Mapping[str, Any], text: str) -> bool:
    """Does the text, or one of the paper's seven variants of it, follow the constraint?

    The variants leave out the first line, the last line, or both (an introduction, a closing remark), and each of
    these four texts also without its asterisks (markup).
    """
    lines = text.split("\n")
    parts = (text, *("\n".join(some).strip() for some in (lines[1:], lines[:-1], lines[1:-1])))
    return any(check(constraint_id, kwargs, one) for part in parts for one in (part, part.replace("*", "")))
