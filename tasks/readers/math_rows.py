r"""MATH and AIME rows: ``problem``, ``solution`` and ``answer`` (Hendrycks et al. 2021, arXiv 2103.03874).

The original files have no ``answer``: there it is what the solution's last ``\boxed{}`` holds.
"""

from __future__ import annotations

import re
from typing import Any

from tasks.answers import read_final_answer
from tasks.problem import Demonstration, Problem
from tasks.readers.fields import MalformedRow, text_of
from tasks.splits import content_hash

_LEVEL = re.compile(r"(?:Level )?([0-9]{1,3})")


def parse_math(name: str, row: dict[str, Any]) -> Demonstration | Problem:
    """``meta`` has ``level`` (1 to 5 in MATH) and ``subject`` or ``type`` where the row tells them."""
    prompt = text_of(row, "problem") + "\n"
    solution = text_of(row, "solution") if row.get("solution") else None
    answer = _answer(row, solution)
    key = row.get("unique_id") or row.get("id") or content_hash(prompt)
    meta: dict[str, Any] = {name: row[name] for name in ("subject", "type") if isinstance(row.get(name), str)}
    level = _LEVEL.fullmatch(str(row.get("level", "")))
    if level is not None:
        meta["level"] = int(level[1])
    problem = Problem(f"{name}/{key}", prompt, answer, meta)
    if solution is None:
        return problem
    if read_final_answer(solution) is None:
        solution = f"{solution}\n\\boxed{{{answer}}}"
    return Demonstration(problem, solution)


def _answer(row: dict[str, Any], solution: str | None) -> str:
    answer = row.get("answer")
    if isinstance(answer, int) and not isinstance(answer, bool):
        return str(answer)
    if answer is not None:
        return text_of(row, "answer")
    boxed = None if solution is None else read_final_answer(solution)
    if not boxed:
        raise MalformedRow("there must be a field 'answer', or a field 'solution' with a \\boxed{} answer")
    return boxed
