"""The figures of a PRM on labelled steps, each with its 95 % interval and the number of things it is of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from evolve.statistics import wilson
from prm.judging.calibration import calibration, calibration_error, judged_rows
from prm.judging.first_error import FirstErrorF1, first_error_f1, kinds, usable
from prm.judging.intervals import by_problem, over_problems
from prm.judging.order import first_error_auc, pair_share, rank_correlation, sibling_pairs, until_error
from prm.judging.scored import ScoredSolution
from prm.judging.values import beyond_noise, value_fidelity

Figure = dict[str, Any]


class Draws(Protocol):
    """How figures are made sure of."""

    bins: int
    resamples: int
    seed: int


def step_figures(
    scored: Sequence[ScoredSolution], threshold: float | None, continuations: int | None, draws: Draws
) -> dict[str, Any]:
    """``figures``: rows {name, value, interval, of}; ``reliability``: the bins of the plot, None without probabilities.

    With a ``threshold`` labels are right and wrong, and first errors are told; without one labels are values of
    prefixes, each measured by ``continuations`` (None: exact).
    """
    problems = by_problem(scored)
    figures = _first_errors(scored, threshold, draws) if threshold is not None else []
    if threshold is not None:
        rows = [until_error(own) for own in problems]
        figures.append(_figure("first-error AUC", first_error_auc, rows, "steps", draws))
    pairs = [sibling_pairs(own) for own in problems]
    hits = [np.array([[pair.better > pair.worse] for pair in own], dtype=np.float64).reshape(-1, 1) for own in pairs]
    if any(map(len, pairs)):
        share = pair_share([pair for own in pairs for pair in own])
        interval = over_problems(hits, lambda found: float(found.mean()), draws.seed, draws.resamples)
        figures.append(_row("pair accuracy", share, interval, sum(map(len, pairs)), "pairs"))
    if any(not -1 <= score <= 1 for one in scored for score in one.scores):
        return {"figures": figures, "reliability": None}  # scores that are no probabilities
    return {"figures": [*figures, *_probable(scored, problems, threshold, continuations, draws)]} | {
        "reliability": asdict(calibration(scored, draws.bins))
    }


def _first_errors(scored: Sequence[ScoredSolution], threshold: float, draws: Draws) -> list[Figure]:
    """F1 of everything, of each subset that the rows' ids tell, and the subsets' mean, ProcessBench's headline."""
    known = usable(scored)
    if kinds(known) != {True, False}:
        return []
    subsets: dict[str, list[ScoredSolution]] = defaultdict(list)
    for one in known:
        subsets[_subset(one)].append(one)
    rows = _f1_rows("", first_error_f1(known, threshold, draws.seed))
    told = {name: own for name, own in sorted(subsets.items()) if name and kinds(own) == {True, False}}
    if len(told) > 1:
        found = {name: first_error_f1(own, threshold, draws.seed) for name, own in told.items()}
        rows += [row for name, each in found.items() for row in _f1_rows(f" ({name})", each)[:1]]
        mean = sum(each.f1 for each in found.values()) / len(found)
        rows.append(_row("mean F1 of the subsets", mean, None, len(found), "subsets"))
    return rows


def _f1_rows(name: str, found: FirstErrorF1) -> list[Figure]:
    rows = [_row(f"first-error F1{name}", found.f1, found.interval, found.erroneous[1] + found.correct[1], "solutions")]
    for kind, (share, count) in (("erroneous", found.erroneous), ("correct", found.correct)):
        low, high = wilson(share * count, count)
        rows.append(_row(f"accuracy on {kind}{name}", share, (low, high), count, "solutions"))
    return rows


def _probable(
    scored: Sequence[ScoredSolution],
    problems: Sequence[Sequence[ScoredSolution]],
    threshold: float | None,
    continuations: int | None,
    draws: Draws,
) -> list[Figure]:
    rows = [judged_rows(own) for own in problems]
    figures = [
        _figure("ECE", lambda found: calibration_error(found, draws.bins), rows, "steps", draws),
        _figure("Brier score", lambda found: float(((found[:, 0] - found[:, 1]) ** 2).mean()), rows, "steps", draws),
    ]
    rank = _figure("rank correlation", lambda each: rank_correlation(*each.T), rows, "steps", draws)
    found = value_fidelity(scored, continuations)
    figures += [rank, _row("rank within solutions", found.rank_within, None, found.steps, "steps")]
    if threshold is not None:
        return figures
    bias = _figure("bias", lambda each: float((each[:, 0] - each[:, 1]).mean()), rows, "steps", draws)
    beyond = over_problems(rows, lambda each: beyond_noise(each, continuations)[0], draws.seed, draws.resamples)
    figures += [bias, _row("variance beyond noise", found.variance, beyond, found.steps, "steps")]
    return [*figures, _row("noise of the values", found.noise, None, found.steps, "steps")]


def _figure(
    name: str, statistic: Callable[[np.ndarray], float | None], rows: Sequence[np.ndarray], of: str, draws: Draws
) -> Figure:
    whole = np.concatenate(rows)
    interval = over_problems(rows, statistic, draws.seed, draws.resamples)
    return _row(name, statistic(whole) if len(whole) else None, interval, len(whole), of)


def _row(name: str, value: float | None, interval: Sequence[float] | None, count: int, of: str) -> Figure:
    ends = None if interval is None else [round(end, 4) for end in interval]
    return {
        "name": name,
        "value": None if value is None else round(value, 6),
        "interval": ends,
        "of": count,
        "what": of,
    }


def _subset(one: ScoredSolution) -> str:
    """ProcessBench's ids: ``gsm8k-12``."""
    key = one.solution.meta.get("id")
    return key.rpartition("-")[0] if isinstance(key, str) else ""
