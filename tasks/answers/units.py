"""Units of measure and money: their names, and exact factors between those of one dimension."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

_NAMES = """
length 1/1000 mm millimeter millimetre | length 1/100 cm centimeter centimetre | length 1 m meter metre
length 1000 km kilometer kilometre | length 0.0254 in inch | length 0.3048 ft foot feet | length 0.9144 yd yard
length 1609.344 mi mile | mass 1/1000 mg milligram | mass 1 g gram | mass 1000 kg kilogram
time 1 s sec second | time 60 min minute | time 3600 h hr hour | time 86400 day | time 604800 week
volume 1/1000 ml milliliter millilitre mL | volume 1 l liter litre L
money 1/100 cent | money 1 dollar $ usd buck | angle 1 degree deg circ | radian 1 rad radian | percent 1 percent %
force 1 N newton | energy 1 J joule | power 1 W watt | month 1 month | year 1 year yr
morning 1 am | afternoon 1 pm | unit 1 unit
"""
_COUNTS = {"dozen": 12, "hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_RATES = {"mph": "mile per hour", "kph": "km per hour", "kmh": "km per hour", "fps": "foot per second"}
_NO_UNITS = (
    "a about an and approximately at but by for from if is isn't least less maybe more most no nor not or than the"
    " to too true false wrong incorrect unless with"
)
_COMPUTED = (
    "cubed minus mod modulo negative over plus point squared times halves thirds fifths sixths eighths ninths twelfths"
)
_ARITHMETIC = frozenset(_COMPUTED.split())
_PARTS = re.compile(r".*(?:enth|ieth|ionth|sandth|dredth)s")
_NO_NOUNS = (
    "always couples does equals has his its pairs perhaps quarters scores sometimes this was yes"
    " ones twos threes fours fives sixes sevens eights nines tens elevens twelves"
)
_NO_PLURALS = _ARITHMETIC | frozenset(_NO_NOUNS.split())
_OTHER_PLURALS = frozenset(("children", "men", "mice", "people", "women"))
_WORDING = re.compile(r"[A-Za-z][A-Za-z .'/-]*(?:\^\{?[0-9]\}?)?")
_RATE = re.compile(r"(?:^|\s+)per\s+|/")
_EXPONENT = re.compile(r"\{?\s*-?[0-9]{1,2}\s*\}?")
_IRREGULAR = {"inches": "inch", "feet": "feet", "foot": "foot"}
_POWERS = (("square", 2), ("sq", 2), ("cubic", 3), ("cu", 3))


class Unit(NamedTuple):
    """``factor``: to the base unit of the dimension; ``multiple``: of its counting words (a million), in ``factor``.

    ``dimension``: names with their powers, in alphabetical order; units of one dimension can be compared.
    """

    dimension: str
    factor: Fraction
    multiple: Fraction
    is_known: bool


def _table() -> dict[str, tuple[str, Fraction]]:
    rows = (row.split() for line in _NAMES.strip().splitlines() for row in line.split("|"))
    return {name: (dimension, Fraction(factor)) for dimension, factor, *names in rows for name in names}


_UNITS = _table()


def is_unit(word: str) -> bool:
    """Whether a word is the name of a unit."""
    return _plain(word) in _UNITS or word.lower() in _RATES


def may_be_unit(written: str) -> bool:
    """Whether words behind a number can be its unit: no digits, none that turn or join answers, three at most."""
    words = written.lower().split()
    return unit_of(written).is_known or bool(
        _WORDING.fullmatch(written) and len(words) <= 3 and not set(_NO_UNITS.split()) & set(words)
    )


def may_be_missing(written: str, is_of_answer: bool) -> bool:
    """Whether a number without this unit can be meant by one with it.

    A reference's unit is the question's, unless it is arithmetic ("5 sixths"). An answer's must be known, or one word
    in the plural: any other ("5 impossible", "5 plus one", base 8) may be a part of what it says.
    """
    words = written.lower().split()
    if unit_of(written).is_known:
        return True
    if not is_of_answer:
        return not (_ARITHMETIC & set(words) or any(map(_PARTS.fullmatch, words)))
    word = words[0]
    is_plural = word.isalpha() and word.endswith("s") and not (word.endswith(("ss", "us")) or _PARTS.fullmatch(word))
    return len(words) == 1 and (word in _OTHER_PLURALS or (is_plural and word not in _NO_PLURALS))


@lru_cache(maxsize=1024)
def unit_of(written: str) -> Unit:
    """What a unit measures: ``mm``, ``square feet``, ``million dollars``, ``miles per hour``, ``m/s^2``, ``kg*m/s^2``.

    A unit that is not known is a dimension of its own: it equals itself, in the singular or plural.
    """
    words = re.sub(r"[.]", "", written).split()
    multiple = Fraction(1)
    while words and (count := _COUNTS.get(words[0].lower().removesuffix("s"))):
        multiple *= count
        words = words[1:]
    if not words:
        return Unit("count", multiple, multiple, True)
    rate = _RATES.get(" ".join(words).lower(), " ".join(words))
    powers: Counter[str] = Counter()
    factor, is_known = multiple, True
    for index, side in enumerate(_RATE.split(rate)):
        for part in _parts(side):
            dimension, power, by, is_part_known = _simple(part)
            power = -power if index else power
            powers[dimension] += power
            factor *= by**power
            is_known = is_known and is_part_known
    return Unit(" ".join(f"{name}^{powers[name]}" for name in sorted(powers)), factor, multiple, is_known)


def _parts(side: str) -> Sequence[str]:
    """The factors of a product of units: ``kg*m``, and ``kg m`` where each word is a unit by itself."""
    parts = [part for part in side.split("*") if part.strip()]
    words = side.split()
    return words if len(words) > 1 and all(_simple(word)[3] for word in words) else parts


def _simple(written: str) -> tuple[str, int, Fraction, bool]:
    """Of a single unit: dimension, power, factor of the first power to the base unit, and whether it is known."""
    words = written.split()
    power = 1
    if len(words) > 1 and (found := dict(_POWERS).get(words[0].lower())):
        words, power = words[1:], found
    elif len(words) > 1 and words[-1].lower() in ("squared", "cubed"):
        power = 2 if words[-1].lower() == "squared" else 3
        words = words[:-1]
    name, caret, exponent = " ".join(words).partition("^")
    if caret and _EXPONENT.fullmatch(exponent):
        power = int(exponent.strip("{} "))
    known = _UNITS.get(_plain(name.strip()))
    return (known[0], power, known[1], True) if known else (f"?{_plain(name.strip())}", power, Fraction(1), False)


def _plain(word: str) -> str:
    if word in _UNITS:
        return word
    low = _IRREGULAR.get(word.lower(), word.lower())
    if low in _UNITS or len(low) < 3:
        return low
    return low[:-2] if low.endswith("es") and low[:-2] in _UNITS else low.removesuffix("s")
