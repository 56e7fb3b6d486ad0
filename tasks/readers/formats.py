"""Formats by name: ``read_labelled`` for labelled steps, ``read_preferences`` for preferred texts.

All are public but ``own``, which keeps whatever a labelling knows; ``write_labelled`` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tasks.durable import atomic_path
from tasks.errors import DataError, UserError
from tasks.reader import read_rows
from tasks.readers.fields import MalformedRow
from tasks.readers.labelled import LabelledSolution, PreferredText
from tasks.readers.own_labels import own_row, read_own
from tasks.readers.preferences import read_rstar_pairs, read_trl_preference
from tasks.readers.prm800k import read_prm800k
from tasks.readers.step_labels import read_math_shepherd, read_processbench, read_trl_stepwise

_T = TypeVar("_T")
_ReadRow = Callable[[dict[str, Any]], Iterator[_T]]

LABELLED: dict[str, _ReadRow[LabelledSolution]] = {
    "own": read_own,
    "math_shepherd": read_math_shepherd,
    "prm800k": read_prm800k,
    "processbench": read_processbench,
    "trl_stepwise": read_trl_stepwise,
}
PREFERENCES: dict[str, _ReadRow[PreferredText]] = {"rstar": read_rstar_pairs, "trl": read_trl_preference}


def read_labelled(path: Path, form: str) -> Iterator[LabelledSolution]:
    """The solutions of a file in the format named ``form`` (a key of ``LABELLED``), as they are read.

    Raises UserError for an unknown format, DataError (file and line) for a row that breaks it.
    """
    return _read(path, _named(form, LABELLED))


def write_labelled(path: Path, solutions: Iterable[LabelledSolution]) -> int:
    """Write a file in the format ``own``, whole or not at all; returns how many solutions it holds.

    ``read_labelled(path, "own")`` gives the same solutions again. ValueError for ``meta`` that JSON cannot hold.
    """
    count = 0
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for count, solution in enumerate(solutions, start=1):  # noqa: B007
            file.write(json.dumps(own_row(solution), allow_nan=False, separators=(",", ":")) + "\n")
    return count


def read_preferences(path: Path, form: str) -> Iterator[PreferredText]:
    """The preferences of a file in the format named ``form`` (a key of ``PREFERENCES``); raises as above."""
    return _read(path, _named(form, PREFERENCES))


def _named(form: str, known: dict[str, _ReadRow[_T]]) -> _ReadRow[_T]:
    if form not in known:
        raise UserError(f"the format {form!r} is not known; use one of {', '.join(known)}")
    return known[form]


def _read(path: Path, read_row: _ReadRow[_T]) -> Iterator[_T]:
    for number, row in read_rows(path):
        try:
            yield from read_row(row)
        except MalformedRow as error:
            raise DataError(f"{path}:{number}: {error}; mend or remove the line") from error
