"""Verifications of steps, whoever wrote them: they travel in a labelled solution's ``meta``, a list for each step.

A file of them is a file of labels that knows more (docs/prm.md): JSON lines, read by every program that reads labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tasks.errors import DataError
from tasks.readers.labelled import LabelledSolution

KEY = "verifications"
_FIELDS = {"text", "token_ids", "verdict"}


@dataclass(frozen=True, slots=True)
class Verification:
    """What was written about a step before the verdict.

    ``token_ids``: as sampled, empty where the text is all there is. ``verdict``: what whoever wrote it concludes from
    it, by itself; None if that is left open. What a model learns to conclude is the step's label.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    verdict: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields as they are written."""
        return {"text": self.text, "token_ids": list(self.token_ids), "verdict": self.verdict}


def with_verifications(
    solution: LabelledSolution, found: Sequence[Sequence[Verification]], **about: Any
) -> LabelledSolution:
    """The solution with a list of verifications for each step; ``about``: where they come from and what they cost."""
    told = [[one.as_json() for one in own] for own in found]
    return replace(solution, meta={**solution.meta, **about, KEY: told})


def verifications_of(solution: LabelledSolution, name: str) -> tuple[tuple[Verification, ...], ...]:
    """A tuple for each step, maybe empty; ``name``: of the problem. DataError for misshapen ones."""
    told = solution.meta.get(KEY)
    if told is None:
        return ((),) * len(solution.steps)
    if not isinstance(told, list) or len(told) != len(solution.steps) or not all(isinstance(own, list) for own in told):
        raise DataError(
            f"problem {name}: meta.{KEY} must be a list for each of the {len(solution.steps)} steps; write it again "
            "with scripts.verifications"
        )
    return tuple(tuple(_read(each, f"problem {name}, step {at}") for each in own) for at, own in enumerate(told))


def _read(told: Any, where: str) -> Verification:
    if not isinstance(told, Mapping) or not set(told) <= _FIELDS or not isinstance(told.get("text"), str):
        raise DataError(f"{where}: a verification must be an object with text, token_ids and verdict, got {told!r:.80}")
    ids, verdict = told.get("token_ids") or [], told.get("verdict")
    if not isinstance(ids, list) or not all(type(token) is int and token >= 0 for token in ids):
        raise DataError(f"{where}: token_ids of a verification must be whole numbers of at least 0, got {ids!r:.80}")
    if verdict is not None and not isinstance(verdict, bool):
        raise DataError(f"{where}: the verdict of a verification must be true, false or null, got {verdict!r:.80}")
    return Verification(told["text"], tuple(ids), verdict)
