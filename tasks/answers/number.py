r"""Exact numbers as people write them: one regular expression, no floating point, nothing evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

MAX_LENGTH = 64
"""Longest text, in characters, that is read as a plain number."""

MAX_EXPONENT = 400
"""Largest power of ten, up or down, in scientific notation."""

_INTEGER = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+"
_NUMBER = re.compile(
    rf"(?P<sign>[+-]?)(?P<dollar>(?:\\?\$)?)(?P<inner>[+-]?)"
    rf"(?:(?P<integer>{_INTEGER})(?:\.(?P<decimals>[0-9]*)|/(?P<denominator>{_INTEGER}))?|\.(?P<only>[0-9]+))"
    rf"(?:[eE](?P<power>[+-]?[0-9]{{1,3}}))?(?P<percent>(?:\\?%)?)"
)


@dataclass(frozen=True, slots=True)
class Number:
    """An exact number. 5% equals 5%, but neither 5 nor 0.05: what a percentage is of is not for a reader to guess."""

    value: Fraction
    is_percent: bool = False


def read_plain(text: str) -> Number | None:
    r"""The exact number that a text is, or None.

    Read: sign (also the Unicode minus), integers, thousands commas in their places, decimals, a full stop behind,
    ``1.5e3``, simple fractions ``a/b``, a dollar sign in front (``$5`` is 5), a per cent sign behind (see ``Number``),
    both also with LaTeX's backslash, outer spaces. Not read: units, words, digits of other scripts, texts over
    MAX_LENGTH.
    """
    text = text.strip()
    return None if len(text) > MAX_LENGTH else read_short(text)


@lru_cache(maxsize=4096)  # references and answers come again and again
def read_short(text: str) -> Number | None:
    """As ``read_plain``, of a text without outer spaces and within its length."""
    found = _NUMBER.fullmatch(text.replace("\u2212", "-"))
    if found is None:
        return None
    sign, dollar, inner, integer, decimals, denominator, only, power, percent = found.groups()
    if (dollar and percent) or (inner and (sign or not dollar)) or (power and denominator):
        return None
    digits = decimals or only or ""
    numerator = int((integer or "").replace(",", "") + digits)
    divisor = int(denominator.replace(",", "")) if denominator else 10 ** len(digits)
    exponent = int(power or 0)
    if divisor == 0 or abs(exponent) > MAX_EXPONENT:
        return None
    value = Fraction(-numerator if "-" in (sign, inner) else numerator, divisor)
    if exponent:
        value *= Fraction(10) ** exponent
    return Number(value, bool(percent))
