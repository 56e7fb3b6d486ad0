"""A solution that was rewritten and is as right or wrong as before, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tasks.readers.labelled import Label, LabelledSolution

_OF_THE_STEPS = ("nodes", "observation_ids")  # what ``meta`` says of the steps as they were


class Tokenizer(Protocol):
    """What of a transformers tokenizer is needed here."""

    eos_token_id: Any

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """A step of the rewritten solution. ``covers``: the steps of the original whose content it has, none for padding.

    ``ids``: as they were sampled, if the step is as it was; empty otherwise.
    """

    text: str
    label: Label
    covers: tuple[int, ...]
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Perturbed:
    """``covers``: of each step of ``solution``, as a ``Piece`` has it. Steps that were rewritten have no token ids."""

    solution: LabelledSolution
    covers: tuple[tuple[int, ...], ...]

    def with_ids(self, original: LabelledSolution, tokenizer: Tokenizer) -> LabelledSolution:
        """Rewritten steps get the ids that the tokenizer gives their text, beside the others' sampled ones.

        The last one ends with the end token if it did in the original. A solution that never had ids stays a text.
        """
        if not original.token_ids:
            return self.solution
        ends = original.token_ids[-1][-1:] == (tokenizer.eos_token_id,)
        last = len(self.solution.steps) - 1
        found = []
        for at, (text, ids) in enumerate(zip(self.solution.steps, self.solution.token_ids, strict=True)):
            new = ids or tuple(tokenizer.encode(text, add_special_tokens=False))
            found.append(new if ids or at < last or not ends else (*new, tokenizer.eos_token_id))
        return replace(self.solution, token_ids=tuple(found))


def as_pieces(one: LabelledSolution) -> list[Piece]:
    """The solution as it is."""
    ids = one.token_ids or ((),) * len(one.steps)
    steps = enumerate(zip(one.steps, one.labels, ids, strict=True))
    return [Piece(text, label, (at,), own) for at, (text, label, own) in steps]


def put_together(original: LabelledSolution, pieces: Sequence[Piece]) -> Perturbed:
    """The rewritten solution of the same problem."""
    solution = replace(
        original,
        steps=tuple(piece.text for piece in pieces),
        labels=tuple(piece.label for piece in pieces),
        token_ids=tuple(piece.ids for piece in pieces) if original.token_ids else (),
        meta={name: value for name, value in original.meta.items() if name not in _OF_THE_STEPS},
    )
    return Perturbed(solution, tuple(piece.covers for piece in pieces))
