"""Answers made wrong, in the ways that a lenient verifier lets pass."""

from __future__ import annotations

import re
from collections.abc import Iterator

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def perturbations(answer: str, neighbour: str) -> Iterator[tuple[str, str]]:
    """Pairs (kind, answer) of which none equals ``answer``, if that is a number, a list of numbers or an expression.

    ``neighbour`` is another problem's answer; it is left out where it is the same. An answer without a digit gives
    only the kinds that need none.
    """
    number = _NUMBER.search(answer)
    if number:
        start, end = number.span()
        whole, dot, decimals = number[0].partition(".")
        yield "off by one", f"{answer[:start]}{int(whole) + 1}{dot}{decimals}{answer[end:]}"
        if int(whole):
            yield "next digit", f"{answer[:start]}{whole}0{dot}{decimals}{answer[end:]}"
        if float(number[0]):
            yield "sign", _negated(answer, start)
    if neighbour != answer:
        yield "neighbour's", neighbour
    swapped = _swapped(answer)
    if swapped != answer:
        yield "swapped order", swapped
    yield "hedged", f"{answer} or {answer}1"
    yield "empty", ""
    yield "huge", "9" * 5000
    yield "huge power", "9**9**9**9"


def _negated(answer: str, start: int) -> str:
    if answer[:start].endswith("-"):
        return answer[: start - 1] + answer[start:]
    return f"{answer[:start]}-{answer[start:]}"


def _swapped(answer: str) -> str:
    """The first two different entries of a list exchanged; the answer itself if it is no list."""
    entries = re.split(r"(, ?)", answer)
    values = entries[::2]
    for index, value in enumerate(values[1:], start=1):
        if value.rpartition("=")[2] != values[0].rpartition("=")[2]:
            first, other = values[0].rpartition("="), value.rpartition("=")
            entries[0], entries[2 * index] = "".join((*first[:2], other[2])), "".join((*other[:2], first[2]))
            break
    return "".join(entries)
