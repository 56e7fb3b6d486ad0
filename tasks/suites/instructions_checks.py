"""The constraints of ``tasks.suites.instructions`` one by one: each a function of a text and IFEval's arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_WORD = re.compile(r"\w+")
# Starts only where a run of stops starts, and never gives back what it took: linear on any text.
_SENTENCE_END = re.compile(r"(?<![.!?])[.!?]++[\"'”’)\]]*+(?=\s|\Z)")
_BEFORE_STOP = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]{1,5}\Z")
_ABBREVIATIONS = frozenset(["mr", "mrs", "ms", "dr", "prof", "st", "vs", "e.g", "i.e", "cf"])
_POSTSCRIPTS = {"P.S.": re.compile(r"p\.\s?s\."), "P.P.S": re.compile(r"p\.\s?p\.\s?s")}
_FENCES = ("```json", "```Json", "```JSON", "```")


def existence(text: str, keywords: Sequence[str]) -> bool:
    """Every keyword occurs, in whatever case."""
    lowered = text.lower()
    return all(keyword.lower() in lowered for keyword in keywords)


def forbidden_words(text: str, forbidden_words: Sequence[str]) -> bool:
    """None of the words occurs as a whole word, in whatever case."""
    lowered = text.lower()
    return not any(_has_word(lowered, word.strip().lower()) for word in forbidden_words)


def _has_word(text: str, word: str) -> bool:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        if not _WORD.match(text[start - 1 : start]) and not _WORD.match(text[end : end + 1]):
            return True
        start = text.find(word, start + 1)
    return False


def frequency(text: str, keyword: str, frequency: int, relation: str) -> bool:
    """The keyword occurs so often, in whatever case, also inside words."""
    return _compare(text.lower().count(keyword.lower()), relation, frequency)


def letter_frequency(text: str, letter: str, let_frequency: int, let_relation: str) -> bool:
    """The letter occurs so often, in whatever case."""
    return _compare(text.lower().count(letter.lower()), let_relation, let_frequency)


def number_words(text: str, num_words: int, relation: str) -> bool:
    """The text has so many words."""
    return _compare(sum(1 for _ in _WORD.finditer(text)), relation, num_words)


def number_sentences(text: str, num_sentences: int, relation: str) -> bool:
    """The text has so many sentences."""
    return _compare(count_sentences(text), relation, num_sentences)


def count_sentences(text: str) -> int:
    """How many sentences a text has, by the rule that ``tasks.suites.instructions`` states."""
    count = start = 0
    for end in _SENTENCE_END.finditer(text):
        before = _BEFORE_STOP.search(text, max(start, end.start() - 12), end.start())
        if end[0].startswith(".") and before is not None and _is_abbreviation(before[0]):
            continue
        count += _WORD.search(text, start, end.start()) is not None
        start = end.end()
    return count + (_WORD.search(text, start) is not None)


def _is_abbreviation(word: str) -> bool:
    return word.lower() in _ABBREVIATIONS or (len(word) == 1 and word.isupper() and word != "I")


def number_paragraphs(text: str, num_paragraphs: int) -> bool:
    """Exactly so many paragraphs, divided by ``***``; an empty one counts only against, at either end not at all."""
    parts = [part.strip() for part in text.split("***")]
    if not all(parts[1:-1]):
        return False
    return sum(map(bool, parts)) == num_paragraphs


def number_bullet_lists(text: str, num_bullets: int) -> bool:
    """Exactly so many lines that start with ``-``, or with one ``*`` that more follows."""
    return sum(map(_is_bullet, text.split("\n"))) == num_bullets


def _is_bullet(line: str) -> bool:
    line = line.lstrip()
    return line.startswith("-") or (line.startswith("*") and len(line) > 1 and line[1] != "*")


def json_format(text: str) -> bool:
    """The whole text is JSON, possibly in a fenced block."""
    text = text.strip()
    for fence in _FENCES:
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except (ValueError, RecursionError):
        return False
    return True


def title(text: str) -> bool:
    """A line has a title in ``<<double angular brackets>>`` that is not blank."""
    for line in text.split("\n"):
        start, end = line.find("<<"), line.rfind(">>")
        if start >= 0 and end >= start + 3 and line[start : end + 2].lstrip("<").rstrip(">").strip():
            return True
    return False


def postscript(text: str, postscript_marker: str) -> bool:
    """The marker occurs, in whatever case; ``P.S.`` and ``P.P.S`` may have a space after a full stop."""
    pattern = _POSTSCRIPTS.get(postscript_marker.strip())
    lowered = text.lower()
    return postscript_marker.lower() in lowered if pattern is None else pattern.search(lowered) is not None


def number_placeholders(text: str, num_placeholders: int) -> bool:
    """At least so many ``[placeholders]``, each within one line."""
    count = 0
    for line in text.split("\n"):
        end = 0
        while (start := line.find("[", end)) >= 0 and (end := line.find("]", start) + 1):
            count += 1
    return count >= num_placeholders


def lowercase(text: str) -> bool:
    """No capital letter, and at least one small one."""
    return text.islower()


def capital(text: str) -> bool:
    """No small letter, and at least one capital one."""
    return text.isupper()


def no_comma(text: str) -> bool:
    """No comma."""
    return "," not in text


def end_checker(text: str, end_phrase: str) -> bool:
    """The text ends with the phrase, in whatever case; spaces and double quotes around the text do not count."""
    return text.strip().strip('"').lower().endswith(end_phrase.strip().lower())


def quotation(text: str) -> bool:
    """The whole text stands in double quotes."""
    text = text.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


def _compare(count: int, relation: str, bound: int) -> bool:
    return count < bound if relation == "less than" else count >= bound
