"""Best-of-N against N from sampled solutions: by a PRM's or by recorded scores, between vote and oracle."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from evolve.statistics import problem_bootstrap
from mcts.votes import Aggregation, aggregate
from prm.judging.choice import Choice, SolutionPool, choose
from tasks.answers import canonical_key
from tasks.errors import UserError
from tasks.readers.sampled import SampledSolutions


def choice_figures(
    rows: Sequence[SampledSolutions],
    scores: Sequence[Sequence[Any]],
    choose_by: Aggregation | None,
    seed: int,
    resamples: int,
) -> dict[str, Any]:
    """``choice``: rows {method, n, mean, sd, interval}; the interval is over problems drawn anew.

    ``scores``: of each solution; its steps' scores, or one number (``choose_by`` None), which may lie anywhere: a vote
    then weighs sigmoid of it.
    """
    if choose_by is None:
        score_PN = np.array(scores, dtype=np.float64)
        weight_PN = 1 / (1 + np.exp(-np.clip(score_PN, -50, 50)))
    else:
        score_PN = np.array([[_whole(steps, choose_by) for steps in own] for own in scores])
        weight_PN = score_PN
    right_PN = np.array([row.right for row in rows], dtype=np.float64)
    answer_PN = np.array([_numbered(row.answers) for row in rows])
    found = choose(SolutionPool(right_PN, answer_PN, score_PN, weight_PN), seed, resamples)
    return {"choose_by": choose_by and str(choose_by), "choice": [_row(each, seed) for each in found]}


def _whole(steps: Sequence[float] | None, choose_by: Aggregation) -> float:
    if steps is None:
        raise UserError("a file of labels knows steps, not sampled solutions; name a model folder")
    if not all(-1 <= score <= 1 for score in steps):
        raise UserError(f"step scores must lie in [-1, 1] to be combined, got {min(steps):g} to {max(steps):g}")
    return aggregate(steps, choose_by)


def _numbered(answers: Sequence[str | None]) -> list[int]:
    """Equal answers one number, however they are written; -1 for none."""
    known: dict[Hashable, int] = {}
    return [-1 if answer is None else known.setdefault(canonical_key(answer), len(known)) for answer in answers]


def _row(each: Choice, seed: int) -> dict[str, Any]:
    many = len(each.by_problem) > 1
    interval = problem_bootstrap(each.by_problem, seed, 2000).interval if many else None
    assert math.isfinite(each.mean), "shares of finite numbers"
    return {
        "method": each.method,
        "n": each.n,
        "mean": round(each.mean, 6),
        "sd": round(each.sd, 6),
        "interval": interval,
    }
