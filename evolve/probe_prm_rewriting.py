"""Labelled solutions rewritten, scored again and held against what they were: how far a process model can be moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evolve.prm_judging import asked_of, is_valued, scored_solutions, with_threshold
from evolve.prm_scoring import score_file_rows, template_of
from evolve.probe_prm_config import ProbePrmConfig, judged_as
from evolve.run_trees import find_run
from evolve.saved_config import load_config
from evolve.stages import perform
from evolve.workers import Job, WorkerPool
from mcts.votes import aggregate
from prm.generative.config import GENERATIVE
from prm.judging.intervals import by_problem, over_problems
from prm.judging.order import rank_correlation
from prm.judging.scored import ScoredSolution
from prm.probing.measures import (
    SHIFT,
    Probed,
    alarmed,
    flipped,
    fooled,
    is_kept,
    mean_of,
    solution_row,
    step_shifts,
    truth_of,
)
from prm.probing.perturbations import Perturbation, chosen_perturbations
from prm.probing.perturbed import Perturbed
from tasks.problem import StepOracle
from tasks.readers.care import examine, problem_key, refuse_unfit
from tasks.readers.formats import read_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.registry import build_task

_AT_ONCE = 64  # solutions a job
_OF_IDS = ("own", GENERATIVE)  # the kinds of models that read token ids as they were sampled
_Rows = list[list[np.ndarray]]  # by problem, of each solution


def rewriting(config: ProbePrmConfig) -> dict[str, Any]:
    """``perturbations``: a row each, in the order of ``prm.probing.perturbations``; ``threshold``; ``length``."""
    solutions = list(read_labelled(Path(config.data), config.format))
    care = examine(solutions)
    refuse_unfit(care, config.data)
    judged, spent, valued = judged_as(config), Counter[str](), is_valued(care)
    scored, _ = scored_solutions(judged, solutions, spent)
    threshold: dict[str, Any] | None = {"value": config.threshold or 0.0, "source": "labels are values", "solutions": 0}
    if not valued:
        scored, threshold = with_threshold(judged, scored, spent)
    assert threshold is not None, "right and wrong steps have one"
    ways = chosen_perturbations(config.perturbations)
    rewritten = [(way, one, way(one.solution)) for way in ways for one in scored]
    asked = [(one.solution, new) for _, one, new in rewritten if new is not None]
    read = iter(_with_ids(config, asked))
    given = [(way, one, new, next(read) if new is not None else None) for way, one, new in rewritten]
    scores = iter(score_file_rows(asked_of(judged), [text for *_, text in given if text is not None], spent))
    probed: dict[str, list[Probed]] = defaultdict(list)
    left_out: dict[str, Counter[str]] = defaultdict(Counter)
    for way, one, new, text in given:
        if new is None or text is None:
            left_out[way.name]["nothing to rewrite" if new is None else "cannot be read"] += 1
            continue
        after = next(scores)
        assert after is not None, "only a file of labels does not know a solution"
        probed[way.name].append(Probed(one, after, new.covers, truth_of(one, valued)))
    oracle = build_task(load_config(find_run(config.run)).task).oracle if config.run else None
    kept = {way.name: _kept(oracle, [(one, new) for by, one, new in rewritten if by is way and new]) for way in ways}
    rows = [
        _row(way, probed[way.name], left_out[way.name], threshold["value"], config) | {"kept": kept[way.name]}
        for way in ways
    ]
    return {
        "threshold": threshold,
        "choose_by": str(config.choose_by),
        "solutions": len(scored),
        "problems": len(by_problem(scored)),
        "perturbations": rows,
        "length": _length(scored, valued, config),
        "remarks": care.remarks,
    }


def _kept(oracle: StepOracle | None, pairs: Sequence[tuple[ScoredSolution, Perturbed]]) -> float | None:
    """Share of the rewritten solutions that the task's oracle judges as before; None without one that knows them."""
    if oracle is None:
        return None
    known = [each for each in (is_kept(oracle, one.solution, new) for one, new in pairs) if each is not None]
    return round(sum(known) / len(known), 6) if known else None


def _with_ids(
    config: ProbePrmConfig, pairs: Sequence[tuple[LabelledSolution, Perturbed]]
) -> list[LabelledSolution | None]:
    if config.kind not in _OF_IDS:
        return [replace(new.solution, token_ids=()) for _, new in pairs]
    path = Path(config.prm)
    known = {"path": path, "template": config.template or template_of(path)}
    parts = [pairs[at : at + _AT_ONCE] for at in range(0, len(pairs), _AT_ONCE)]
    job = "evolve.probe_prm_ids:with_ids_job"  # imported by the workers alone: it needs torch
    jobs = [
        Job(f"ids {at}", perform, {"job": job, "kwargs": {**known, "pairs": part}}) for at, part in enumerate(parts)
    ]
    with WorkerPool(config.workers) as pool:
        return [one for outcome in pool.run(jobs, in_order=True) for one in outcome.value]


def _row(
    way: Perturbation, probed: Sequence[Probed], left_out: Counter[str], threshold: float, config: ProbePrmConfig
) -> dict[str, Any]:
    combine = partial(aggregate, aggregation=config.choose_by)
    by_name: dict[str, list[Probed]] = defaultdict(list)
    for one in probed:
        by_name[problem_key(one.before.solution.prompt)].append(one)
    steps = [np.concatenate([step_shifts(one, threshold) for one in own]) for own in by_name.values()]
    whole = [np.concatenate([solution_row(one, threshold, combine) for one in own]) for own in by_name.values()]
    figures = {
        "step_shift": _figure(steps, mean_of(0), config),
        "step_flips": _figure(steps, mean_of(1), config),
        "shift": _figure(whole, mean_of(SHIFT), config),
        "flips": _figure(whole, flipped, config),
        "fooled": _figure(whole, fooled, config),
        "alarmed": _figure(whole, alarmed, config),
    }
    return {"name": way.name, "about": way.about, "solutions": len(probed), "left_out": dict(left_out), **figures}


def _figure(
    rows: Sequence[np.ndarray], statistic: Callable[[np.ndarray], float | None], config: ProbePrmConfig
) -> dict[str, Any]:
    """``value`` with its 95 % interval, over problems drawn anew; both None where the rows tell nothing."""
    value = statistic(np.concatenate(rows)) if rows else None
    interval = None if value is None else over_problems(rows, statistic, config.seed, config.resamples)
    ends = None if interval is None else [round(end, 4) for end in interval]
    return {"value": None if value is None else round(value, 6), "interval": ends}


def _length(scored: Sequence[ScoredSolution], valued: bool, config: ProbePrmConfig) -> dict[str, Any]:
    """Do longer solutions score otherwise? Spearman's correlation of score and characters, right and wrong apart."""
    found: dict[str, Any] = {}
    for name, kind in (("right", True), ("wrong", False)):
        mine = [one for one in scored if truth_of(one, valued) is kind]
        rows = [np.array([_size_and_score(one, config) for one in own]) for own in by_problem(mine)]
        found[name] = _figure(rows, lambda each: rank_correlation(*each.T), config) | {"solutions": len(mine)}
    return found


def _size_and_score(one: ScoredSolution, config: ProbePrmConfig) -> tuple[float, float]:
    return float(sum(map(len, one.solution.steps))), aggregate(one.scores, config.choose_by)
