"""Data sets with a label for each step: PRM800K, Math-Shepherd, ProcessBench and TRL's stepwise rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tasks.readers.fields import MalformedRow, chat_text, field_of, texts_of
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
    """``{prompt, completions: [step], labels: [bool]}``, TRL's stepwise supervision."""
    steps = texts_of(row, "completions")
    found = field_of(row, "labels", list)
    if not all(isinstance(label, bool) for label in found):
        raise MalformedRow(f"the field 'labels' must be a list of true and false, but it is {str(found)[:80]}")
    prompt = chat_text(field_of(row, "prompt", str, list), "prompt")
    yield _solution(prompt, steps, [1.0 if label else -1.0 for label in found], _rest(row, "prompt", "completions"))


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


def read_prm800k(row: dict[str, Any]) -> Iterator[LabelledSolution]:
    """A labeller's session: at each step some continuations with a rating (-1, 0, 1), one of them chosen to go on.

    Lightman et al. 2023, arXiv 2305.20050. Gives the chosen path with all its ratings, and each continuation that was
    not chosen after the path before it, of which only that last step is labelled: no rating comes twice.
    """
    problem, answer = field_of(row, "question.problem", str), row["question"].get("ground_truth_answer")
    about = {"finish_reason": row.get("label", {}).get("finish_reason"), "labeler": row.get("labeler")}
    path: list[tuple[str, Label]] = []
    others: list[LabelledSolution] = []
    for at, step in enumerate(field_of(row, "label.steps", list)):
        rated = [_rated(each, at) for each in step.get("completions") or []]
        chosen = step.get("chosen_completion")
        for number, (text, rating) in enumerate(rated):
            if number != chosen and rating is not None:
                before = tuple(text for text, _ in path)
                labels = (None,) * len(path) + (rating,)
                others.append(LabelledSolution(problem, (*before, text), labels, str(answer or ""), about))
        if chosen is not None:
            path.append(_chosen(rated, chosen, at))
        elif isinstance(step.get("human_completion"), dict):  # the labeller wrote the step, which nobody rated
            path.append((field_of(step, "human_completion.text", str), None))
        else:
            break
    if path:
        texts, ratings = zip(*path, strict=True)
        yield LabelledSolution(problem, texts, ratings, str(answer or ""), about)
    yield from others


def _chosen(rated: list[tuple[str, Label]], chosen: Any, at: int) -> tuple[str, Label]:
    if not isinstance(chosen, int) or isinstance(chosen, bool) or not 0 <= chosen < len(rated):
        raise MalformedRow(f"step {at} of 'label' chooses completion {chosen!r} of {len(rated)}")
    return rated[chosen]


def _rated(completion: Any, at: int) -> tuple[str, Label]:
    if not isinstance(completion, dict):
        raise MalformedRow(f"step {at} of 'label' holds a completion that is no object")
    rating = completion.get("rating")
    if rating is not None and (isinstance(rating, bool) or rating not in (-1, 0, 1)):
        raise MalformedRow(f"step {at} of 'label' has the rating {rating!r}; ratings are -1, 0, 1 or null")
    return field_of(completion, "text", str), None if rating is None else float(rating)


def _solution(prompt: str, steps: tuple[str, ...], labels: Sequence[Label], meta: dict[str, Any]) -> LabelledSolution:
    try:
        return LabelledSolution(prompt, steps, tuple(labels), meta=meta)
    except ValueError as error:
        raise MalformedRow(str(error)) from error


def _rest(row: dict[str, Any], *known: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in known}
