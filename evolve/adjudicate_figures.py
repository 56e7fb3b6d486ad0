"""What two adjudicators find, in figures: areas under the ROC curve with 95 % intervals over problems drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from prm.judging.adjudicators import (
    SIGNALS,
    Adjudicated,
    Scores,
    Signals,
    area,
    around_error,
    favoured,
    favoured_end,
    first_error_rows,
    gain,
    looks_right_rows,
    mean_of_steps,
    reference_rows,
    solved_share,
)
from prm.judging.intervals import by_problem, over_problems

SOLVED = "solved"
"""The column behind the signals where references are judged: the share of solutions that end in the reference."""

_BINS = 20
_SUSPECTS = 200  # problems, and steps, that are listed

Group = tuple[list[Adjudicated], list[Scores] | None]
"""One problem's solutions, and what the aware one says of each when another answer is planted (None: none was)."""


def figures(
    judged: Sequence[Adjudicated], planted: Sequence[Scores | None], seed: int, resamples: int
) -> dict[str, Any]:
    """``questions``, ``bins`` (differences by kind of step), ``around`` (first errors), ``problems`` and ``steps``."""
    groups = _groups(judged, planted)
    return {
        "questions": _questions(groups, seed, resamples),
        "bins": _bins([own for own, _ in groups]),
        "around": [_rounded(row) for row in around_error(judged)],
        "suspect_problems": _suspect_problems([own for own, _ in groups if _has_whole(own)]),
        "suspect_steps": _suspect_steps(judged),
    }


def _groups(judged: Sequence[Adjudicated], planted: Sequence[Scores | None]) -> list[Group]:
    others = {id(one): scores for one, scores in zip(judged, planted, strict=True)}
    found: list[Group] = []
    for own in by_problem(judged):
        known = [scores for one in own if (scores := others[id(one)]) is not None]
        found.append((own, known if len(known) == len(own) else None))
    return found


def _questions(groups: Sequence[Group], seed: int, resamples: int) -> list[dict[str, Any]]:
    def asked(name: str, rows: list[np.ndarray]) -> dict[str, Any]:
        return _question(name, rows, seed, resamples)

    whole = [(own, planted) for own, planted in groups if _has_whole(own)]
    by_mean, by_end = _references(whole, mean_of_steps), _references(whole, favoured_end)
    place = len(SIGNALS)
    return [
        asked("first errors", [first_error_rows(own) for own, _ in groups]),
        asked("steps that only look right", [looks_right_rows(own) for own, _ in groups]),
        asked("wrong references, by all steps", by_mean),
        asked("wrong references, by the favoured end", by_end),
        asked("the same, of problems never solved", [rows[rows[:, place] == 0] for rows in by_end]),
    ]


def _references(groups: Sequence[Group], seen_as: Callable[[Sequence[Adjudicated]], Signals]) -> list[np.ndarray]:
    return [reference_rows(own, planted, seen_as) for own, planted in groups]


def _question(name: str, rows: list[np.ndarray], seed: int, resamples: int) -> dict[str, Any]:
    """``signals``: by name {area, interval, gain, gain_interval}, the gain over ``blind`` on the same draws."""
    rows = [each for each in rows if len(each)]
    found: dict[str, Any] = {"name": name, "sound": 0, "unsound": 0, "problems": len(rows), "signals": {}}
    if not rows:
        return found
    every = np.concatenate(rows)
    found["sound"], found["unsound"] = int((every[:, -1] > 0).sum()), int((every[:, -1] == 0).sum())
    names = (*SIGNALS, SOLVED)[: every.shape[1] - 1]
    for column, signal in enumerate(names):
        parts: dict[str, Any] = {}
        for figure, statistic in (("area", area), ("gain", gain)):
            value = statistic(every, column)
            parts[figure] = None if value is None else round(value, 6)
            ends = over_problems(rows, partial(statistic, column=column), seed, resamples)
            kept = None if ends is None or value is None else [round(end, 4) for end in ends]
            parts["interval" if figure == "area" else "gain_interval"] = kept
        found["signals"][signal] = parts
    return found


def _bins(groups: Sequence[Sequence[Adjudicated]]) -> dict[str, Any]:
    """How many steps of a kind have a difference in each of ``_BINS`` bins of equal width from -2 to 2."""
    until = np.concatenate([np.empty((0, 5)), *(first_error_rows(own) for own in groups)])
    lucky = np.concatenate([np.empty((0, 5)), *(looks_right_rows(own) for own in groups)])
    kinds = {
        "right": until[until[:, -1] > 0],
        "first error": until[until[:, -1] == 0],
        "only looks right": lucky[lucky[:, -1] == 0],
    }
    column = SIGNALS.index("difference")
    return {
        name: np.histogram(rows[:, column], _BINS, (-2, 2))[0].tolist() for name, rows in kinds.items() if len(rows)
    }


def _suspect_problems(groups: Sequence[Sequence[Adjudicated]]) -> list[dict[str, Any]]:
    """Problems by the difference at the favoured end, the lowest first: the blind one is convinced, the other not."""
    found: list[dict[str, Any]] = []
    for own in groups:
        best = favoured(own)
        end = {"step": best.solution.steps[-1], **_scores(best, -1), "solved": round(solved_share(own), 4)}
        found.append({"problem_id": _name(best), "answer": best.solution.answer} | end)
    return sorted(found, key=lambda row: row["difference"])[:_SUSPECTS]


def _suspect_steps(judged: Sequence[Adjudicated]) -> list[dict[str, Any]]:
    """Different steps by their difference, the lowest first."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for one in judged:
        for at, text in enumerate(one.solution.steps):
            key = (one.solution.prompt, *one.solution.steps[: at + 1])
            row = {"problem_id": _name(one), "place": at, "step": text, "label": one.solution.labels[at]}
            found.setdefault(key, {**row, **_scores(one, at)})
    return sorted(found.values(), key=lambda row: row["difference"])[:_SUSPECTS]


def _scores(one: Adjudicated, at: int) -> dict[str, float]:
    aware, blind = one.aware[at], one.blind[at]
    return _rounded({"aware": aware, "blind": blind, "difference": aware - blind})


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}


def _has_whole(own: Sequence[Adjudicated]) -> bool:
    return any(one.is_whole and one.solution.reward is not None for one in own)


def _name(one: Adjudicated) -> str:
    return str(one.solution.meta.get("problem_id") or " ".join(one.solution.prompt.split())[:60])
