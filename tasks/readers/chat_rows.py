"""Prompts with a reference in a column: TRL's prompt-only rows, and verl's rows (parquet or JSON lines).

All other columns travel in ``meta``, where reward functions of either kind find them (docs/graders.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tasks.problem import Problem
from tasks.readers.fields import MalformedRow, chat_text, field_of
from tasks.splits import content_hash


def parse_trl(name: str, answer_field: str, row: dict[str, Any]) -> Problem:
    """TRL's prompt-only rows, with a column that holds the right answer."""
    answer = _as_text(field_of(row, answer_field, str, int, float, list), answer_field)
    meta = {column: value for column, value in row.items() if column not in ("prompt", answer_field)}
    return _problem(name, row, answer, meta)


def parse_verl(name: str, row: dict[str, Any]) -> Problem:
    """verl's rows; ids come from the prompts, for ``extra_info.index`` is one per split."""
    answer = _as_text(field_of(row, "reward_model.ground_truth", str, int, float, list), "reward_model.ground_truth")
    meta = {column: value for column, value in row.items() if column not in ("prompt", "reward_model")}
    return _problem(name, row, answer, meta)


def _problem(name: str, row: dict[str, Any], answer: str, meta: Mapping[str, Any]) -> Problem:
    prompt = chat_text(field_of(row, "prompt", str, list), "prompt").strip() + "\n"
    try:
        json.dumps(meta, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise MalformedRow(f"a column holds what JSON cannot ({error})") from error
    return Problem(f"{name}/{content_hash(prompt)}", prompt, answer, meta)


def _as_text(value: Any, name: str) -> str:
    """A reference as text; of a list with one entry that entry (verl's GSM8K has such)."""
    if isinstance(value, list):
        if len(value) != 1 or not isinstance(value[0], str | int | float):
            raise MalformedRow(f"the field {name!r} must hold one answer, but it is {str(value)[:80]}")
        value = value[0]
    return str(value).strip()
