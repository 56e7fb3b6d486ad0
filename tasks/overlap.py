"""Training texts that share too much with texts that a policy is judged on: n-grams of words, as is usual.

Both sides are read alike: words by white space, without capitals and without punctuation or brackets around them. The
share is that of the shorter side, so a held-out question that stands inside a longer training text counts as whole,
and a sentence that many problems end with does not count as much. GPT-3 removed texts on one common 13-gram (arXiv
2005.14165, appendix C); Tulu 3 asks for half of them (arXiv 2411.15124, section 3.2), which is the default here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_AROUND = ".,;:!?\"'()[]{}$`*"  # signs of arithmetic are words of their own where they stand apart


@dataclass(frozen=True, slots=True)
class Overlap:
    """A text, the one of the other side that it shares most with, and the share in (0, 1]."""

    name: str
    other: str
    share: float


def words(text: str) -> list[str]:
    """The words that count."""
    return [bare for word in text.casefold().split() if (bare := word.strip(_AROUND))]


def ngrams(text: str, n: int) -> set[str]:
    """The different n-grams of a text; of one that is shorter, all its words as one; none of no words."""
    found = words(text)
    last = max(len(found) - n, 0)
    return {" ".join(found[start : start + n]) for start in range(last + 1)} if found else set()


def overlaps(texts: Mapping[str, str], judged: Mapping[str, str], n: int, share: float) -> Iterator[Overlap]:
    """Those of ``texts`` (by name) that share at least ``share`` of the n-grams with one of ``judged``.

    The share is |both| / min(|own|, |other's|); of equal shares the first of ``judged`` is named.
    """
    places: dict[str, list[str]] = defaultdict(list)
    sizes: dict[str, int] = {}
    for other, text in judged.items():
        grams = ngrams(text, n)
        sizes[other] = len(grams)
        for gram in grams:
            places[gram].append(other)
    order = {other: number for number, other in enumerate(judged)}
    for name, text in texts.items():
        grams = ngrams(text, n)
        common = Counter(other for gram in grams for other in places.get(gram, ()))
        shares = {other: count / min(len(grams), sizes[other]) for other, count in common.items()}
        if shares:
            most = min(shares, key=lambda other: (-shares[other], order[other]))
            if shares[most] >= share:
                yield Overlap(name, most, shares[most])
