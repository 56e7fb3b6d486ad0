"""Data sets with a label for each step: Math-Shepherd, ProcessBench and TRL's stepwise rows, read and written.

What a row says besides stands in ``meta``. A writer says only what its format can say: ``tasks.readers.convert`` keeps
the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tasks.readers.fields import MalformedRow, UnusableRow, chat_text, field_of, texts_of
from tasks.readers.labelled import Label, LabelledSolution, labels_until

SHEPHERD_TAG = "ки"
_SHEPHERD_STEP = re.compile(r"Step 1:")


def read_processbench(row: dict[str, Any]) -> Iterator[LabelledSolution]:
    """``{id, generator, problem, steps, final_answer_correct, label}``; label: the first wrong step, or -1.

    Zheng et al. 2024, arXiv 2412.06559.
    """
    steps = texts_of(row, "steps")
    try:
        labels = labels_until(len(steps), field_of(row, "label", int))
        yield LabelledSolution(field_of(row, "problem", str), steps, labels, meta=_rest(row, "problem", "steps"))
    except ValueError as error:
        raise MalformedRow(f"the field 'label' does not fit: {error}") from error


def read_trl_stepwise(row: dict[str, Any]) -> Iterator[LabelledSolution]:
    """``{prompt, completions: [step], labels: [bool]}``, TRL's stepwise supervision; chat messages stay in ``meta``."""
    steps = texts_of(row, "completions")
    found = field_of(row, "labels", list)
    if not all(isinstance(label, bool) for label in found):
        raise MalformedRow(f"the field 'labels' must be a list of true and false, but it is {str(found)[:80]}")
    prompt = field_of(row, "prompt", str, list)
    rest = _rest(row, "completions") if isinstance(prompt, list) else _rest(row, "prompt", "completions")
    labels = [1.0 if label else -1.0 for label in found]
    yield _solution(chat_text(prompt, "prompt"), steps, labels, rest)


def read_math_shepherd(row: dict[str, Any]) -> Iterator[LabelledSolution]:
    """``{input, label, task}``: one text with the tag ``ки`` at each step's end, and again with + or - in its place.

    Wang et al. 2023, arXiv 2312.08935. The question ends where ``Step 1:`` begins.
    """
    asked, judged = field_of(row, "input", str), field_of(row, "label", str)
    parts = asked.split(SHEPHERD_TAG)
    labels, at = [], 0
    for part in parts[:-1]:
        sign = judged[at + len(part) : at + len(part) + 1]
        if judged[at : at + len(part)] != part or sign not in ("+", "-"):
            raise MalformedRow(f"the field 'label' must repeat 'input' with + or - for each {SHEPHERD_TAG}")
        labels.append(1.0 if sign == "+" else -1.0)
        at += len(part) + 1
    if judged[at:] != parts[-1]:
        raise MalformedRow("the fields 'input' and 'label' end differently")
    begin = _SHEPHERD_STEP.search(parts[0])
    if begin is None:
        raise MalformedRow("the field 'input' has no 'Step 1:' before its first tag")
    question, first = parts[0][: begin.start()], parts[0][begin.start() :]
    steps = [first, *parts[1:-1]]
    yield _solution(question, tuple(steps), labels, {**_rest(row, "input", "label"), "end": parts[-1]})


def processbench_row(solution: LabelledSolution) -> dict[str, Any]:
    """The row that says where the first error is. UnusableRow if a step before it has no label."""
    truth = solution.first_error
    if None in solution.labels[: truth if truth >= 0 else None]:
        raise UnusableRow("a step without a label leaves open where the first error is")
    return {**solution.meta, "problem": solution.prompt, "steps": list(solution.steps), "label": truth}


def trl_stepwise_row(solution: LabelledSolution) -> dict[str, Any]:
    """The row of true and false. UnusableRow for another label than 1 and -1."""
    labels = [mark == "+" for mark in _marks(solution)]
    return {"prompt": solution.prompt, **solution.meta, "completions": list(solution.steps), "labels": labels}


def math_shepherd_row(solution: LabelledSolution) -> dict[str, Any]:
    """The row with tags and signs. A first step without ``Step 1:`` gets it, and all are then numbered, a line each.

    UnusableRow for another label than 1 and -1, and for a text that the tags or ``Step 1:`` would cut elsewhere.
    """
    marks, steps, prompt = _marks(solution), list(solution.steps), solution.prompt
    rest = {name: value for name, value in solution.meta.items() if name != "end"}
    if not _SHEPHERD_STEP.match(steps[0]):
        steps = [f"Step {number}: {text.strip()} " for number, text in enumerate(steps, start=1)]
        steps[1:] = [f"\n{text}" for text in steps[1:]]
        prompt = f"{prompt.rstrip()} "
    if any(SHEPHERD_TAG in text for text in (prompt, *steps)) or _SHEPHERD_STEP.search(prompt):
        raise UnusableRow(f"the prompt or a step holds {SHEPHERD_TAG!r}, or the prompt 'Step 1:', where steps are cut")
    end = solution.meta.get("end", "")
    asked = prompt + "".join(text + SHEPHERD_TAG for text in steps) + end
    judged = prompt + "".join(text + mark for text, mark in zip(steps, marks, strict=True)) + end
    return {**rest, "input": asked, "label": judged}


def _marks(solution: LabelledSolution) -> str:
    for at, label in enumerate(solution.labels):
        if label not in (1, -1):
            raise UnusableRow(f"the label {label} of step {at} is neither 1 (right) nor -1 (wrong)")
    return "".join("+" if label == 1 else "-" for label in solution.labels)


def _solution(prompt: str, steps: tuple[str, ...], labels: Sequence[Label], meta: dict[str, Any]) -> LabelledSolution:
    try:
        return LabelledSolution(prompt, steps, tuple(labels), meta=meta)
    except ValueError as error:
        raise MalformedRow(str(error)) from error


def _rest(row: dict[str, Any], *known: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in known}
