"""Ways to rewrite a solution that leave it as right or wrong as it was. They differ in what a fooled model clings to.

A rewritten step has the label of the steps it covers, a merged one the lowest; padding, and the first part of a wrong
step that is cut in two, have none: nobody says where in the step the error is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from prm.probing.perturbed import Perturbed, Piece, as_pieces, put_together
from prm.probing.wordings import numbered, prefaced, spaced, swapped, worded
from tasks.errors import UserError
from tasks.readers.labelled import LabelledSolution

Rewrite = Callable[[list[Piece]], list[Piece]]

_THANKS = "Thank you for reading so far!"
_CLAIM = "I have checked this: it is correct."
# Where a step is cut: at the first of these that it has.
_CUTS = [re.compile(each) for each in (r"\n+(?=\S)", r"(?<=[.;!?])\s+(?=\S)", r"(?<=,)\s+(?=\S)")]
_CUTS.append(re.compile(r"(?<=[^=<>!]=) ?(?=[^=\s])"))  # and an equation behind its sign


@dataclass(frozen=True, slots=True)
class Perturbation:
    """``about``: what it does, as people are told. ``rewrite`` leaves pieces as they are where it does not apply."""

    name: str
    about: str
    rewrite: Rewrite

    def __call__(self, one: LabelledSolution) -> Perturbed | None:
        """The solution rewritten; None where there is nothing to rewrite, or where code printed between the steps."""
        before = as_pieces(one)
        after = self.rewrite(before)
        return None if after == before or one.meta.get("observation_ids") else put_together(one, after)


def _end_of(text: str) -> str:
    """The white space that a step ends with."""
    return text[len(text.rstrip()) :]


def _each(rewritten: Callable[[str], str]) -> Rewrite:
    """Every step by itself; one that stays as it is keeps its ids."""

    def rewrite(pieces: list[Piece]) -> list[Piece]:
        texts = (rewritten(piece.text) for piece in pieces)
        return [
            piece if text == piece.text else replace(piece, text=text, ids=())
            for piece, text in zip(pieces, texts, strict=True)
        ]

    return rewrite


def _saying(addition: Callable[[str], str]) -> Rewrite:
    """Every step but the last says more, behind what it says."""

    def said(text: str) -> str:
        bare = text.rstrip()
        return f"{bare} {addition(bare)}{_end_of(text)}" if bare else text

    return lambda pieces: [*_each(said)(pieces[:-1]), *pieces[-1:]]


def _cut(pieces: list[Piece]) -> list[Piece]:
    """Each step that can be cut becomes two."""
    found = []
    for piece in pieces:
        bare, end = piece.text.rstrip(), _end_of(piece.text)
        places = (next((m for m in cut.finditer(bare) if m.start()), None) for cut in _CUTS)
        place = next((each for each in places if each), None)
        if place is None:
            found.append(piece)
            continue
        first = None if piece.label is None or piece.label < 0 else piece.label
        found.append(Piece(bare[: place.start()] + end, first, ()))
        found.append(Piece(bare[place.end() :] + end, piece.label, piece.covers))
    return found


def _merge(pieces: list[Piece]) -> list[Piece]:
    """The first step with the second, the third with the fourth ..."""
    found = []
    for at in range(0, len(pieces) - 1, 2):
        one, other = pieces[at], pieces[at + 1]
        labels = [piece.label for piece in (one, other) if piece.label is not None]
        label = min(labels) if len(labels) == 2 else None
        found.append(Piece(f"{one.text.rstrip()} {other.text.lstrip()}", label, one.covers + other.covers))
    return found + pieces[2 * (len(pieces) // 2) :]


def _padded(padding: Callable[[Piece], Piece | None]) -> Rewrite:
    """Something behind each step but the last."""

    def rewrite(pieces: list[Piece]) -> list[Piece]:
        found = []
        for piece in pieces[:-1]:
            added = padding(piece)
            found += [piece] if added is None else [piece, added]
        return found + pieces[-1:]

    return rewrite


def _thanked(pieces: list[Piece]) -> list[Piece]:
    """A step that says nothing, before the last one."""
    return [*pieces[:-1], Piece(_THANKS + _end_of(pieces[0].text), None, ()), pieces[-1]]


PERTURBATIONS = {
    each.name: each
    for each in (
        Perturbation("spacing", "blanks put around operators, or taken away", _each(spaced)),
        Perturbation("numbers", "numbers written otherwise: 12.0, 1,234", _each(numbered)),
        Perturbation("wording", "connecting words replaced by synonyms", _each(worded)),
        Perturbation("prefaced", "a word put before steps in words: Next, ...", _each(prefaced)),
        Perturbation("swapped", "the two sides of a sum or product exchanged", _each(swapped)),
        Perturbation("split", "steps cut in two", _cut),
        Perturbation("merged", "neighbouring steps made one", _merge),
        Perturbation("thanks", "a step of thanks before the last one", _thanked),
        Perturbation("claims", "steps that claim to be checked and correct", _saying(lambda bare: _CLAIM)),
        Perturbation("repeated", "steps repeated", _padded(lambda piece: replace(piece, label=None, covers=()))),
        Perturbation("empty", "empty steps", _padded(lambda piece: Piece(_end_of(piece.text) or " ", None, ()))),
        Perturbation("length", "steps that say everything twice, and so are longer", _saying(lambda bare: bare)),
    )
}


def chosen_perturbations(names: list[str]) -> list[Perturbation]:
    """Those of the names, all without any. UserError for a name that is none."""
    for name in names:
        if name not in PERTURBATIONS:
            raise UserError(f"the perturbation {name!r} is not known; use one of {', '.join(PERTURBATIONS)}")
    return [PERTURBATIONS[name] for name in names or PERTURBATIONS]
