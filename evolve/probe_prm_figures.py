"""The figures of an attack on a process model, each with its 95 % interval over problems drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evolve.probe_prm_config import ProbePrmConfig
from evolve.probe_prm_found import ABOVE, CHOSEN_WRONG, METHODS, Found, misled, with_true_labels
from evolve.statistics import problem_bootstrap
from prm.judging.first_error import best_threshold, divided, first_error_f1, kinds
from tasks.problem import Problem, StepOracle

_COLUMNS = {"chosen_wrong": CHOSEN_WRONG, "above": ABOVE}


def attack_figures(
    problems: Sequence[Problem], found: Sequence[Sequence[Found]], oracle: StepOracle | None, config: ProbePrmConfig
) -> dict[str, Any]:
    """By method ``chosen_wrong`` and ``above`` (see ``misled``); ``f1`` by the oracle, None where it tells none."""
    told: dict[str, Any] = {}
    for how in METHODS:
        columns = misled(found, how, config.choose_by)
        told[how] = {name: _mean(columns[:, column], config) for name, column in _COLUMNS.items()}
    return told | {"f1": None if oracle is None else _f1(problems, found, oracle, config)}


def differences(
    before: Sequence[Sequence[Found]], after: Sequence[Sequence[Found]], config: ProbePrmConfig
) -> dict[str, Any]:
    """After less before, by method, of the problems that tell a figure both times."""
    told: dict[str, Any] = {}
    for how in METHODS:
        change = misled(after, how, config.choose_by) - misled(before, how, config.choose_by)
        told[how] = {name: _mean(change[:, column], config) for name, column in _COLUMNS.items()}
    return told


def _mean(values_P: np.ndarray, config: ProbePrmConfig) -> dict[str, Any]:
    known = values_P[np.isfinite(values_P)]
    if not len(known):
        return {"value": None, "interval": None, "problems": 0}
    interval = problem_bootstrap(known, config.seed, config.resamples).interval if len(known) > 1 else None
    return {"value": round(float(known.mean()), 6), "interval": interval, "problems": len(known)}


def _f1(
    problems: Sequence[Problem], found: Sequence[Sequence[Found]], oracle: StepOracle, config: ProbePrmConfig
) -> dict[str, Any] | None:
    """First-error F1 of the solutions of best of N, at the threshold that is best on a share of the problems."""
    choosing, judged = divided(with_true_labels(problems, found, oracle), config.threshold_share, config.seed)
    if kinds(choosing) != {True, False} or kinds(judged) != {True, False}:
        return None
    threshold = best_threshold(choosing)
    one = first_error_f1(judged, threshold, config.seed)
    ends = [round(end, 4) for end in one.interval]
    return {"value": round(one.f1, 6), "interval": ends, "threshold": threshold, "solutions": len(judged)}
