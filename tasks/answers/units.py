"""Units of measure and money: their names, and exact factors between those of one dimension."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_NAMES = """
length 1/1000 mm millimeter millimetre | length 1/100 cm centimeter centimetre | length 1 m meter metre
length 1000 km kilometer kilometre | length 0.0254 in inch | length 0.3048 ft foot feet | length 0.9144 yd yard
length 1609.344 mi mile | mass 1/1000 mg milligram | mass 1 g gram | mass 1000 kg kilogram
time 1 s sec second | time 60 min minute | time 3600 h hr hour | time 86400 day | time 604800 week
volume 1/1000 ml milliliter millilitre mL | volume 1 l liter litre L
money 1/100 cent | money 1 dollar $ usd buck | angle 1 degree deg circ | radian 1 rad radian | percent 1 percent %
month 1 month | year 1 year yr | morning 1 am | afternoon 1 pm
"""
_NO_UNITS = (
    "a about an and approximately at but by for from if is isn't least less maybe more most no nor not or than the"
    " to too true false wrong incorrect unless with"
)
_WORDING = re.compile(r"[A-Za-z][A-Za-z .'-]*(?:\^\{?[0-9]\}?)?")
_IRREGULAR = {"inches": "inch", "feet": "feet", "foot": "foot"}
_POWERS = (("square", 2), ("sq", 2), ("cubic", 3), ("cu", 3))


def _table() -> dict[str, tuple[str, Fraction]]:
    rows = (row.split() for line in _NAMES.strip().splitlines() for row in line.split("|"))
    return {name: (dimension, Fraction(factor)) for dimension, factor, *names in rows for name in names}


_UNITS = _table()


def is_unit(word: str) -> bool:
    """Whether a word is the name of a unit."""
    return _plain(word) in _UNITS


def may_be_unit(written: str) -> bool:
    """Whether words behind a number can be its unit: no digits, none that turn or join answers, three at most."""
    words = written.lower().split()
    return is_unit(written) or bool(
        _WORDING.fullmatch(written) and len(words) <= 3 and not set(_NO_UNITS.split()) & set(words)
    )


@lru_cache(maxsize=1024)
def unit_of(written: str) -> tuple[str, Fraction]:
    """Dimension, with its power, and the factor to that dimension's base unit.

    A unit that is not known is a dimension of its own: it equals itself, in the singular or plural.
    """
    words = re.sub(r"[.]", "", written).split()
    power = 1
    if len(words) > 1 and (found := dict(_POWERS).get(words[0].lower())):
        words, power = words[1:], found
    elif len(words) > 1 and words[-1].lower() in ("squared", "cubed"):
        power = 2 if words[-1].lower() == "squared" else 3
        words = words[:-1]
    name, caret, exponent = " ".join(words).partition("^")
    if caret and exponent.strip("{} ").isdecimal():
        power = int(exponent.strip("{} ")[:2])
    known = _UNITS.get(_plain(name.strip()))
    if known is None:
        return f"{_plain(name.strip())}^{power}", Fraction(1)
    return f"{known[0]}^{power}", known[1] ** power


def _plain(word: str) -> str:
    if word in _UNITS:
        return word
    low = _IRREGULAR.get(word.lower(), word.lower())
    if low in _UNITS or len(low) < 3:
        return low
    return low[:-2] if low.endswith("es") and low[:-2] in _UNITS else low.removesuffix("s")
