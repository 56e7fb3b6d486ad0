"""Preference pairs on disk: ``pairs.jsonl``, one JSON object per line (docs/formats.md, "Pairs")."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prm.pairs import PairKind, PreferencePair
from tasks.durable import write_bytes_atomic
from tasks.errors import DataError

_TEXTS = ("problem_id", "prompt", "chosen_text", "rejected_text")
_NUMBERS = ("tree", "depth", "chosen_node", "rejected_node", "node_group")
_IDS = ("prefix", "chosen", "rejected")
_GIVEN = ("chosen_given", "rejected_given")  # fields of code steps, missing where nothing was observed
_VISITS = ("chosen_visits", "rejected_visits")  # missing in files of earlier versions
_FIELDS = {field.name for field in dataclasses.fields(PreferencePair)} - {*_GIVEN, *_VISITS}


def write_pairs(path: Path, pairs: Iterable[PreferencePair]) -> None:
    """Write all pairs, or nothing. Same pairs, same bytes."""
    rows = [dataclasses.asdict(pair) for pair in pairs]
    if not any(row[name] for row in rows for name in _GIVEN):
        rows = [{name: value for name, value in row.items() if name not in _GIVEN} for row in rows]
    write_bytes_atomic(path, "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows).encode())


def read_pairs(path: Path) -> list[PreferencePair]:
    """The pairs of a file, in order. DataError naming file and line for anything that ``write_pairs`` cannot write."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(
            f"{path}: the pairs cannot be read ({error.strerror}); name a pairs.jsonl of a round"
        ) from error
    return [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, start=1)]


def _parse(line: bytes, where: str) -> PreferencePair:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _malformed(where, "a line is one JSON object", f"this one is not JSON ({error})") from error
    if not isinstance(row, dict) or set(row) - {*_GIVEN, *_VISITS} != _FIELDS:
        found = ", ".join(sorted(map(str, row))) if isinstance(row, dict) else type(row).__name__
        raise _malformed(where, f"a pair has the fields {', '.join(sorted(_FIELDS))}", f"this one has {found}")
    for name in _TEXTS:
        _require(isinstance(row[name], str), where, name, "a text", row)
    row |= {name: row.get(name, 0) for name in _VISITS}
    for name in (*_NUMBERS, *_VISITS):
        _require(_is_count(row[name]), where, name, "a whole number of at least 0", row)
    for name in _IDS:
        row[name] = tuple(row[name]) if isinstance(row[name], list) else None
        _require(row[name] is not None and all(map(_is_count, row[name])), where, name, "a list of token ids", row)
    _require(row["chosen"] and row["rejected"], where, "chosen and rejected", "lists of at least one token id", row)
    _require(row["chosen"] != row["rejected"], where, "rejected", "different from chosen", row)
    for name, ids in zip(_GIVEN, _IDS[1:], strict=True):
        stretches = row.get(name, [])
        _require(_are_stretches(stretches, len(row[ids])), where, name, f"stretches of the ids of {ids}", row)
        row[name] = tuple(map(tuple, stretches))
    margin = row["margin"]
    is_number = isinstance(margin, int | float) and not isinstance(margin, bool)
    _require(is_number and math.isfinite(margin) and margin > 0, where, "margin", "a number above 0", row)
    _require(row["kind"] in list(PairKind), where, "kind", f"one of {', '.join(PairKind)}", row)
    return PreferencePair(**{**row, "kind": PairKind(row["kind"]), "margin": float(margin)})


def _are_stretches(value: Any, length: int) -> bool:
    """Is it a list of [start, end), in order, apart, and not of all there is?"""
    if not isinstance(value, list) or not all(isinstance(each, list) and len(each) == 2 for each in value):
        return False
    places = [place for each in value for place in each]
    if not all(map(_is_count, places)) or places != sorted(set(places)):
        return False
    return not places or (places[-1] <= length and sum(end - start for start, end in value) < length)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require(holds: Any, where: str, name: str, rule: str, row: dict[str, Any]) -> None:
    if not holds:
        raise _malformed(where, f"{name} must be {rule}", f"found {str(row.get(name))[:80]}")


def _malformed(where: str, rule: str, value: str) -> DataError:
    return DataError(f"{where}: {rule}, but {value}; write the file again by selecting the pairs of its round")
