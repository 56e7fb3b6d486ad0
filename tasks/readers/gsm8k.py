"""GSM8K rows: ``question``, and an ``answer`` of worked lines ending in ``#### n``.

Its lines hold calculator annotations, ``48/2 = <<48/2=24>>24 clips``, which give the steps (Cobbe et al. 2021,
arXiv 2110.14168).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks.answers.number import read_plain
from tasks.options import Option
from tasks.problem import Demonstration, Problem
from tasks.readers.fields import MalformedRow, UnusableRow, text_of
from tasks.readers.file_task import FileTask, FileTaskConfig
from tasks.splits import content_hash

_ANNOTATION = re.compile(r"<<([^<>\n]*)>>")
_MARK = "####"


class SolutionStyle(Option):
    """What a step of a demonstration is."""

    LINES = "lines"  # a line of the answer, its annotations removed
    EQUATIONS = "equations"  # an annotation's inner text, such as 48/2=24


@dataclass
class Gsm8kConfig(FileTaskConfig):
    """GSM8K, or any file of its shape."""

    name: str = "gsm8k"  # the task's name: the first part of every problem id
    solution: SolutionStyle = SolutionStyle.LINES  # what a step of a demonstration is


def load_gsm8k(config: Gsm8kConfig) -> FileTask:
    """Read the file. ``meta.level`` is the number of annotations; an id is ``NAME/<content hash of the prompt>``.

    Set aside: an answer that is no number, a repeated question, and in style ``equations`` a row without annotations.
    Raises UserError for a path that is missing, DataError (file and line) for a malformed row.
    """
    return FileTask(config, partial(_parse, config.name, config.solution))


def _parse(name: str, style: SolutionStyle, row: dict[str, Any]) -> Demonstration:
    # One line: the end of the prompt is then the only newline in it.
    prompt = " ".join(text_of(row, "question").split()) + "\n"
    worked, mark, number = f"\n{text_of(row, 'answer')}".rpartition(f"\n{_MARK}")
    if not mark or "\n" in number or _MARK in worked:
        raise MalformedRow(f"the field 'answer' must end in one line '{_MARK} n'")
    equations = [equation.strip() for equation in _ANNOTATION.findall(worked)]
    if style is SolutionStyle.EQUATIONS:
        if not equations:
            raise UnusableRow("the answer has no <<..>> annotation to make a step of")
        steps = equations
    else:
        steps = [line.strip() for line in _ANNOTATION.sub("", worked).split("\n") if line.strip()]
    answer = number.strip()
    if read_plain(answer) is not None:
        answer = answer.replace(",", "")  # as the equations write it
    problem = Problem(f"{name}/{content_hash(prompt)}", prompt, answer, {"level": len(equations)})
    return Demonstration(problem, "\n".join([*steps, f"{_MARK} {answer}"]))
