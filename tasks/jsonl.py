"""Plain JSON lines: ``problem`` or ``question``, ``answer``, and optionally ``solution``, ``id`` and ``level``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks.file_task import FileTask, FileTaskConfig, MalformedRow, text_of
from tasks.numeric import read_final_answer
from tasks.problem import Demonstration, Problem
from tasks.splits import content_hash


@dataclass
class JsonlConfig(FileTaskConfig):
    """Problems of your own."""

    name: str = "jsonl"  # the task's name: the first part of every problem id


def load_jsonl(config: JsonlConfig) -> FileTask:
    """Read the file. An id is ``NAME/<id of the row, or else content hash of the prompt>``.

    A ``solution`` becomes a demonstration; it gets the line ``#### ANSWER`` if it has no final answer. Set aside:
    an answer that is no number, a repeated question. Raises UserError for a path that is missing, DataError (file
    and line) for a malformed row.
    """
    return FileTask(config, partial(_parse, config.name))


def _parse(name: str, row: dict[str, Any]) -> Demonstration | Problem:
    field = "problem" if "problem" in row else "question"
    if row.get("question", row.get(field)) != row.get(field):
        raise MalformedRow("the fields 'problem' and 'question' differ; a row has one question")
    prompt = text_of(row, field) + "\n"
    answer = _text_or_number(row, "answer")
    key = _text_or_number(row, "id") if "id" in row else content_hash(prompt)
    level = row.get("level")
    meta = {"level": level} if isinstance(level, int) else {}
    problem = Problem(f"{name}/{key}", prompt, answer, meta)
    if row.get("solution") is None:
        return problem
    solution = text_of(row, "solution")
    return Demonstration(problem, solution if read_final_answer(solution) is not None else f"{solution}\n#### {answer}")


def _text_or_number(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return text_of(row, field)
