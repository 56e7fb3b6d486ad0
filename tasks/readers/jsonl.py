"""Files of problems in any of several forms of row; our own: ``problem`` or ``question``, ``answer``, and optionally
``solution``, ``id`` and ``level``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks.answers import read_final_answer
from tasks.options import Option
from tasks.problem import Demonstration, Problem
from tasks.readers.chat_rows import parse_trl, parse_verl
from tasks.readers.fields import MalformedRow, text_of
from tasks.readers.file_task import FileTask, FileTaskConfig, ParseRow
from tasks.readers.math_rows import parse_math
from tasks.splits import content_hash

_OWN = ("id", "problem", "question", "answer", "solution", "level")


class RowForm(Option):
    """How a row says what the problem is."""

    OWN = "own"  # problem or question, answer; solution, id, level
    MATH = "math"  # MATH and AIME: problem, solution, answer (or the solution's boxed one)
    TRL = "trl"  # TRL's prompt-only rows: prompt, and the answer in a column of any name
    VERL = "verl"  # verl: prompt, reward_model.ground_truth, data_source, extra_info


@dataclass
class JsonlConfig(FileTaskConfig):
    """Problems of a file."""

    name: str = "jsonl"  # the task's name: the first part of every problem id
    form: RowForm = RowForm.OWN  # what the rows look like
    answer_field: str = "answer"  # form=trl: the column of the right answer


def load_jsonl(config: JsonlConfig) -> FileTask:
    """Read the file. An id is ``NAME/<id of the row, or else content hash of the prompt>``.

    Set aside: an answer that cannot be read as ``answer_type``, a repeated question. Raises UserError for a path that
    is missing, DataError (file and line) for a malformed row.
    """
    parsers: dict[RowForm, ParseRow] = {
        RowForm.OWN: partial(_parse, config.name, config.grader is not None),
        RowForm.MATH: partial(parse_math, config.name),
        RowForm.TRL: partial(parse_trl, config.name, config.answer_field),
        RowForm.VERL: partial(parse_verl, config.name),
    }
    return FileTask(config, parsers[config.form])


def _parse(name: str, graded: bool, row: dict[str, Any]) -> Demonstration | Problem:
    """A solution becomes a demonstration; it gets the line ``#### ANSWER`` if it has no final answer."""
    field = "problem" if "problem" in row else "question"
    if row.get("question", row.get(field)) != row.get(field):
        raise MalformedRow("the fields 'problem' and 'question' differ; a row has one question")
    prompt = text_of(row, field) + "\n"
    answer = _text_or_number(row, "answer") if "answer" in row or not graded else ""
    key = _text_or_number(row, "id") if "id" in row else content_hash(prompt)
    level = row.get("level")
    meta = {key: row[key] for key in row if key not in _OWN} if graded else {}
    meta |= {"level": level} if isinstance(level, int) else {}
    problem = Problem(f"{name}/{key}", prompt, answer, meta)
    if row.get("solution") is None:
        return problem
    solution = text_of(row, "solution")
    if graded:
        return Demonstration(problem, solution)
    return Demonstration(problem, solution if read_final_answer(solution) is not None else f"{solution}\n#### {answer}")


def _text_or_number(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return text_of(row, field)
