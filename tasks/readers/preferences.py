"""Data sets of preferences: TRL's preference rows, and rStar-Math's ``{prompt, pos, neg}``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.readers.fields import MalformedRow, chat_text, field_of
from tasks.readers.labelled import PreferredText


def read_trl_preference(row: dict[str, Any]) -> Iterator[PreferredText]:
    """``{prompt, chosen, rejected}``, each a text or chat messages.

    Without ``prompt`` (an implicit prompt) it is what both begin with: the same messages, or the longest common text
    up to the end of a line.
    """
    chosen, rejected = (field_of(row, name, str, list) for name in ("chosen", "rejected"))
    meta = {name: value for name, value in row.items() if name not in ("prompt", "chosen", "rejected")}
    if "prompt" in row:
        prompt = chat_text(field_of(row, "prompt", str, list), "prompt")
    else:
        chosen, rejected, shared = _split(chosen, rejected)
        prompt = chat_text(shared, "chosen") if shared else ""
    yield _pair(prompt, chat_text(chosen, "chosen"), chat_text(rejected, "rejected"), meta)


def read_rstar_pairs(row: dict[str, Any]) -> Iterator[PreferredText]:
    """``{prompt, pos, neg}``: every text of ``pos`` is preferred to every one of ``neg``; each a text or a list."""
    prompt = field_of(row, "prompt", str)
    sides = [field_of(row, name, str, list) for name in ("pos", "neg")]
    positive, negative = ([side] if isinstance(side, str) else side for side in sides)
    for name, side in (("pos", positive), ("neg", negative)):
        if not side or not all(isinstance(text, str) for text in side):
            raise MalformedRow(f"the field {name!r} must be a text or a list of texts, one at least")
    for chosen in positive:
        for rejected in negative:
            yield _pair(prompt, chosen, rejected, {})


def _split(chosen: Any, rejected: Any) -> tuple[Any, Any, Any]:
    """Both without what they begin with, and that."""
    if type(chosen) is not type(rejected):
        raise MalformedRow("the fields 'chosen' and 'rejected' must both be texts, or both lists of messages")
    shared = 0
    while shared < min(len(chosen), len(rejected)) and chosen[shared] == rejected[shared]:
        shared += 1
    if isinstance(chosen, str):
        shared = chosen.rfind("\n", 0, shared) + 1
    return chosen[shared:], rejected[shared:], chosen[:shared]


def _pair(prompt: str, chosen: str, rejected: str, meta: dict[str, Any]) -> PreferredText:
    try:
        return PreferredText(prompt, chosen, rejected, meta)
    except ValueError as error:
        raise MalformedRow(str(error)) from error
