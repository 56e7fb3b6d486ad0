"""The numeric verifier: reads exactly one final answer and compares exact numbers.

A model's text is data: nothing is evaluated, no floating point is used, and every limit is static, so a hostile text
costs no more than reading it once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tasks.problem import Outcome, Problem, Verdict

MAX_LENGTH = 64
"""Longest text, in characters, that is read as a number."""

MAX_BOXED = 4096
"""Longest text, in characters, that is looked through for the closing brace of a ``\\boxed``."""

_MARKER = re.compile(r"^[ \t]*####|\\boxed", re.MULTILINE)
_OPENING = re.compile(r"[ \t]*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_INTEGER = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?P<dollar>(?:\\?\$)?)(?P<inner>[+-]?)"
    rf"(?:(?P<integer>{_INTEGER})(?:\.(?P<decimals>[0-9]+)|/(?P<denominator>{_INTEGER}))?|\.(?P<only>[0-9]+))"
    rf"(?P<percent>(?:\\?%)?)"
)
_CORRECT = Verdict(Outcome.CORRECT, 1.0)


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number. 5% equals 5%, but neither 5 nor 0.05: what a percentage is of is not for a reader to guess."""

    value: Fraction
    is_percent: bool = False


class NumericVerifier:
    """Correct iff the solution's one final answer is the same number as the problem's answer."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """Reward 1 for the right number, 0 for another one; what cannot be read is ``unverifiable`` with reward 0.

        Raises ValueError if the problem's own answer is no number: tasks leave such problems out when they load.
        """
        reference = read_number(problem.answer)
        if reference is None:
            raise ValueError(f"problem {problem.id}: the reference answer {problem.answer!r} is not a number")
        answer = read_final_answer(solution)
        if answer is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="not exactly one final answer (#### or \\boxed{})")
        number = read_number(answer)
        if number is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note=f"the final answer {answer[:MAX_LENGTH]!r} is not a number")
        if number == reference:
            return _CORRECT
        return Verdict(Outcome.WRONG, 0.0, note=f"the final answer is {answer}")


def read_final_answer(text: str) -> str | None:
    r"""What follows ``####`` on a line that starts with it, or stands in ``\boxed{...}``, without outer spaces.

    None unless the text has exactly one such marker, and a ``\boxed`` has balanced braces within MAX_BOXED: a text
    that gives two answers, even equal ones, gives none.
    """
    marker = _MARKER.search(text)
    if marker is None or _MARKER.search(text, marker.end()):
        return None
    end = marker.end()
    if marker[0].endswith("#"):
        return text[end:].partition("\n")[0].strip()
    opening = _OPENING.match(text, end)
    return None if opening is None else _to_closing_brace(text, opening.end())


def read_number(text: str) -> Number | None:
    r"""The exact number that a text is, or None.

    Read: sign (also the Unicode minus), integers, thousands commas in their places, decimals, simple fractions
    ``a/b``, a dollar sign in front (``$5`` is 5), a per cent sign behind (see ``Number``), both also with LaTeX's
    backslash, outer spaces. Not read: units, words, exponents, digits of other scripts, texts over MAX_LENGTH.
    """
    text = text.strip()
    return None if len(text) > MAX_LENGTH else _read_short(text)


@lru_cache(maxsize=4096)  # references and answers come again and again
def _read_short(text: str) -> Number | None:
    found = _NUMBER.fullmatch(text.replace("\u2212", "-"))
    if found is None:
        return None
    sign, dollar, inner, integer, decimals, denominator, only, percent = found.groups()
    if (dollar and percent) or (inner and (sign or not dollar)):
        return None
    fraction = decimals or only or ""
    numerator = int((integer or "").replace(",", "") + fraction)
    divisor = int(denominator.replace(",", "")) if denominator else 10 ** len(fraction)
    if divisor == 0:
        return None
    return Number(Fraction(-numerator if "-" in (sign, inner) else numerator, divisor), bool(percent))


def _to_closing_brace(text: str, start: int) -> str | None:
    depth = 1
    for brace in _BRACE.finditer(text, start, start + MAX_BOXED):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return text[start : brace.start()].strip()
    return None
