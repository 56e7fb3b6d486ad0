"""Labelled steps from any format to any other, both ways without loss.

What the other format cannot say (a step without a label, a degree of rightness, token ids, where a label comes from)
goes into a column of its own, ``treeward``: our own row of the solution. Other programs read past it; read here again,
it brings the solution back, unless somebody has changed what the row says since: then the row counts as it stands.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tasks.durable import atomic_path
from tasks.errors import DataError, UserError
from tasks.readers.fields import MalformedRow, UnusableRow
from tasks.readers.formats import LABELLED, read_labelled
from tasks.readers.labelled import Label, LabelledSolution
from tasks.readers.own_labels import own_row, read_own
from tasks.readers.prm800k import prm800k_rows
from tasks.readers.step_labels import math_shepherd_row, processbench_row, trl_stepwise_row

COLUMN = "treeward"

_NUMBER = re.compile(r"(?<!\w)-?\d+(\.\d+)?\b")  # reasons that differ in it alone are counted as one

_ROWS: dict[str, Callable[[LabelledSolution], dict[str, Any]]] = {
    "own": own_row,
    "math_shepherd": math_shepherd_row,
    "prm800k": lambda solution: next(prm800k_rows([replace(solution, meta={})])),
    "processbench": processbench_row,
    "trl_stepwise": trl_stepwise_row,
}

_KNOWS: dict[str, tuple[Label, ...]] = {
    "math_shepherd": (-1, 1),
    "prm800k": (None, -1, 0, 1),
    "processbench": (None, -1, 0, 1),
    "trl_stepwise": (-1, 1),
}


@dataclass(frozen=True, slots=True)
class Converted:
    """Solutions read, rows written, and those that the format cannot say, counted by reason (``skip``)."""

    read: int
    written: int
    left_out: Counter[str]


def convert_file(
    source: Path, form: str, out: Path, to: str, right_from: float | None = None, skip: bool = False
) -> Converted:
    """Write the solutions of a file in another format; the file is whole or not there.

    ``right_from``: the label from which a step is right, for formats that know right and wrong only; without it a
    degree is refused, never cast. DataError for a solution that the format cannot say (``skip``: it is counted), or a
    file without solutions; UserError for an unknown format.
    """
    if to not in _ROWS:
        raise UserError(f"the format {to!r} is not known; use one of {', '.join(_ROWS)}")
    solutions = [restored(one, form) for one in read_labelled(source, form)]
    if not solutions:
        raise DataError(f"{source}: there is no labelled solution; give one a line")
    left_out: Counter[str] = Counter()

    def refuse(number: int, reason: str) -> None:
        if not skip:
            raise DataError(f"{source}: solution {number}: {reason}; leave such ones out with --skip")
        left_out[_NUMBER.sub("...", reason)] += 1

    written = 0
    with atomic_path(out) as path, path.open("w", encoding="utf-8") as file:
        for written, row in enumerate(to_rows(solutions, to, right_from, refuse), start=1):  # noqa: B007
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    return Converted(len(solutions), written, left_out)


def to_rows(
    solutions: Iterable[LabelledSolution],
    to: str,
    right_from: float | None = None,
    refuse: Callable[[int, str], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Rows in the format ``to``, each with the column where the format says less than the solution.

    ``refuse`` hears the number (from 1) of a solution that cannot be said, and why; without it UnusableRow is raised.
    Sessions of PRM800K come last, and are refused together.
    """
    sessions: list[LabelledSolution] = []
    first = 0
    for number, one in enumerate(solutions, start=1):
        if to == "prm800k" and "session" in one.meta:
            first = first or number
            sessions.append(one)
            continue
        try:
            yield to_row(one, to, right_from)
        except UnusableRow as error:
            if refuse is None:
                raise
            refuse(number, str(error))
    try:
        yield from prm800k_rows(sessions)
    except UnusableRow as error:
        if refuse is None:
            raise
        refuse(first, str(error))


def to_row(one: LabelledSolution, to: str, right_from: float | None = None) -> dict[str, Any]:
    """One row; see ``to_rows``. UnusableRow if the format cannot say it."""
    row = _said(one, to, right_from)
    if _reads_as(row, to, one):
        return row
    kept = own_row(one)
    if not _reads_as(kept, "own", one):
        raise UnusableRow("what 'meta' says of the problem's id is no text, so it could not be read again")
    return _said(replace(one, meta={}), to, right_from) | {COLUMN: {"right_from": right_from, "row": kept}}


def restored(one: LabelledSolution, form: str) -> LabelledSolution:
    """The solution that the column tells of, if what the row says is still what it was written to say."""
    holder = one.meta.get("rest", {}) if form == "prm800k" else one.meta
    kept = holder.get(COLUMN)
    if not isinstance(kept, dict):
        return one
    try:
        (first,) = read_own(kept["row"])
        (said,) = LABELLED[form](_said(replace(first, meta={}), form, kept["right_from"]))
        if (said.prompt, said.steps, said.labels) == (one.prompt, one.steps, one.labels):
            return first
    except (MalformedRow, UnusableRow, KeyError, TypeError, AttributeError, ValueError):
        pass  # not the column that was written
    return one


def _said(one: LabelledSolution, to: str, right_from: float | None) -> dict[str, Any]:
    """What the format can say of it. A step after the last one with a label is cut where every step needs one."""
    if to == "own":
        return own_row(one)
    knows, labels = _KNOWS[to], one.labels
    if None not in knows:
        labels = _without_tail(labels)
    if right_from is not None and any(label not in (*knows, None) for label in labels):
        labels = tuple(None if label is None else 1.0 if label >= right_from else -1.0 for label in labels)
    for at, label in enumerate(labels):
        if label not in knows:
            raise UnusableRow(_unsaid(to, at, label))
    if labels == one.labels:
        return _ROWS[to](one)
    return _ROWS[to](replace(one, labels=labels, steps=one.steps[: len(labels)], token_ids=()))


def _unsaid(to: str, at: int, label: Label) -> str:
    if label is None:
        return f"step {at} has no label, and {to} needs one for it"
    return f"the label {label} of step {at} is none that {to} knows; say from which label on a step is right"


def _without_tail(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    judged = [at for at, label in enumerate(labels) if label is not None]
    if not judged:
        raise UnusableRow("no step has a label")
    return labels[: judged[-1] + 1]


def _reads_as(row: dict[str, Any], form: str, one: LabelledSolution) -> bool:
    """Is the solution all that the row is read as?"""
    try:
        return list(LABELLED[form](row)) == [one]
    except MalformedRow:  # a field of meta stands in a field's place
        return False
