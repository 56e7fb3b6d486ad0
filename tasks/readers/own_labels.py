"""Our own rows of labelled steps, which keep the sampled token ids and where the labels come from.

``{problem_id, prompt, answer, steps: [text], labels: [number in [-1, 1] or null], token_ids: [[id]], meta}``: one entry
a step; ``token_ids`` is empty where the text is all there is. In memory the problem's id stands in ``meta``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.readers.fields import MalformedRow, field_of, texts_of
from tasks.readers.labelled import Label, LabelledSolution

_FIELDS = frozenset({"problem_id", "prompt", "answer", "steps", "labels", "token_ids", "meta"})


def read_own(row: dict[str, Any]) -> Iterator[LabelledSolution]:
    """The solution of a row. Raises MalformedRow; an unknown field is refused, for it would be lost."""
    if unknown := sorted(row.keys() - _FIELDS):
        raise MalformedRow(f"the field {unknown[0]!r} is not known; what else a row says belongs into 'meta'")
    meta: dict[str, Any] = dict(field_of(row, "meta", dict))
    if problem_id := field_of(row, "problem_id", str):
        meta["problem_id"] = problem_id
    prompt, answer = field_of(row, "prompt", str), field_of(row, "answer", str)
    steps, labels = texts_of(row, "steps"), tuple(_label(each) for each in field_of(row, "labels", list))
    ids = field_of(row, "token_ids", list)
    if not all(isinstance(each, list) for each in ids):
        raise MalformedRow("the field 'token_ids' must be a list of lists of token ids, one a step")
    try:
        yield LabelledSolution(prompt, steps, labels, answer, meta, tuple(map(tuple, ids)))
    except ValueError as error:
        raise MalformedRow(str(error)) from error


def own_row(solution: LabelledSolution) -> dict[str, Any]:
    """The row that ``read_own`` reads again."""
    meta = dict(solution.meta)
    problem_id = meta.pop("problem_id", "")
    return {
        "problem_id": problem_id,
        "prompt": solution.prompt,
        "answer": solution.answer,
        "steps": list(solution.steps),
        "labels": list(solution.labels),
        "token_ids": [list(ids) for ids in solution.token_ids],
        "meta": meta,
    }


def _label(value: Any) -> Label:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise MalformedRow(f"the field 'labels' must hold numbers or null, but it holds {str(value)[:80]!r}")
    return value
