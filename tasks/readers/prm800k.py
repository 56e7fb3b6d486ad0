"""PRM800K (Lightman et al. 2023, arXiv 2305.20050): a row is a labeller's session, and is read as several solutions."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

from tasks.readers.fields import MalformedRow, UnusableRow, field_of
from tasks.readers.labelled import Label, LabelledSolution
from tasks.splits import content_hash

_Place = tuple[int, int | None]
"""Step of the session and its completion; None: the labeller's own step."""


def read_prm800k(row: dict[str, Any]) -> Iterator[LabelledSolution]:
    """At each step there are some continuations with a rating (-1, 0, 1), one of them chosen to go on.

    Gives the chosen path with all its ratings, and each continuation that was not chosen after the path before it, of
    which only that last step is labelled: no rating comes twice. ``meta`` says which ``session`` they are from and at
    which ``places`` their labelled steps stand; the first one also has the ``rest`` of the row. A session in which
    nothing was chosen or rated gives nothing.
    """
    problem, answer = field_of(row, "question.problem", str), row["question"].get("ground_truth_answer")
    path: list[tuple[str, Label]] = []
    places: list[_Place] = []
    found: list[tuple[list[tuple[str, Label]], list[_Place]]] = []
    for at, step in enumerate(field_of(row, "label.steps", list)):
        rated = [_rated(each, at) for each in step.get("completions") or []]
        chosen = step.get("chosen_completion")
        for number, (text, rating) in enumerate(rated):
            if number != chosen and rating is not None:
                found.append(([*((before, None) for before, _ in path), (text, rating)], [(at, number)]))
        if chosen is not None:
            path.append(_chosen(rated, chosen, at))
        elif isinstance(step.get("human_completion"), dict):  # the labeller wrote the step, which nobody rated
            path.append((field_of(step, "human_completion.text", str), None))
        else:
            break
        places.append((at, chosen))
    if path:
        found.insert(0, (path, places))
    about = {"finish_reason": row.get("label", {}).get("finish_reason"), "labeler": row.get("labeler")}
    about["session"] = content_hash(json.dumps(row, sort_keys=True))
    for number, (steps, where) in enumerate(found):
        texts, labels = zip(*steps, strict=True)
        meta = about | {"places": [list(place) for place in where]}
        if number == 0:
            meta["rest"] = _rest(row, [place for _, own in found for place in own])
        yield LabelledSolution(problem, texts, labels, str(answer or ""), meta)


def prm800k_rows(solutions: Iterable[LabelledSolution]) -> Iterator[dict[str, Any]]:
    """Sessions written again, each where its first solution stands; another solution is a session of one path.

    UnusableRow: part of a session is missing, or a label is no rating.
    """
    sessions: list[list[LabelledSolution]] = []
    latest: dict[str, list[LabelledSolution]] = {}
    for one in solutions:
        key = one.meta.get("session")
        if key is None or "rest" in one.meta:
            sessions.append([one])
            latest[str(key)] = sessions[-1]
        elif key in latest:
            latest[key].append(one)
        else:
            raise UnusableRow(f"the first solution of session {key} is missing, which says what the row holds besides")
    for session in sessions:
        yield _session(session) if "rest" in session[0].meta else _one_path(session[0])


def _session(solutions: list[LabelledSolution]) -> dict[str, Any]:
    row: dict[str, Any] = copy.deepcopy(dict(solutions[0].meta["rest"]))
    steps = row["label"]["steps"]
    for one in solutions:
        first = len(one.steps) - len(one.meta["places"])
        for at, (step, number) in enumerate(one.meta["places"], start=first):
            if number is not None:
                completion = steps[step]["completions"][number]
                completion["text"] = one.steps[at]
                if one.labels[at] is not None or "rating" not in completion:
                    completion["rating"] = _rating(one.labels[at], at)
    for at, step in enumerate(steps):
        if not all("text" in each for each in step.get("completions") or []):
            raise UnusableRow(f"session {solutions[0].meta['session']} lacks a completion of step {at}; convert all")
    return row


def _one_path(one: LabelledSolution) -> dict[str, Any]:
    ratings = [_rating(label, at) for at, label in enumerate(one.labels)]
    steps = [
        {"completions": [{"text": text, "rating": rating}], "human_completion": None, "chosen_completion": 0}
        for text, rating in zip(one.steps, ratings, strict=True)
    ]
    reason = "solution" if one.first_error < 0 else "found_error"
    question = {"problem": one.prompt, "ground_truth_answer": one.answer}
    return {"question": question, "label": {"steps": steps, "finish_reason": reason}}


def _rating(label: Label, at: int) -> int | None:
    if label not in (None, -1, 0, 1):
        raise UnusableRow(f"the label {label} of step {at} is no rating (-1, 0 or 1)")
    return None if label is None else int(label)


def _rest(row: dict[str, Any], places: list[_Place]) -> dict[str, Any]:
    """The row without the texts and ratings that the solutions hold."""
    rest = copy.deepcopy(row)
    for step, number in places:
        if number is not None:
            completion = rest["label"]["steps"][step]["completions"][number]
            del completion["text"]
            if completion.get("rating") is not None:
                del completion["rating"]
    return rest


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
