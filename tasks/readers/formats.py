"""Public formats by name: ``read_labelled`` for labelled steps, ``read_preferences`` for preferred texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tasks.errors import DataError, UserError
from tasks.reader import read_rows
from tasks.readers.fields import MalformedRow
from tasks.readers.labelled import LabelledSolution, PreferredText
from tasks.readers.preferences import read_rstar_pairs, read_trl_preference
from tasks.readers.step_labels import read_math_shepherd, read_prm800k, read_processbench, read_trl_stepwise

_T = TypeVar("_T")
_ReadRow = Callable[[dict[str, Any]], Iterator[_T]]

LABELLED: dict[str, _ReadRow[LabelledSolution]] = {
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
