"""What the bench found, as one table of figures: a row for each label method alone, and for each with each loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evolve.workbench.config import BenchConfig, BenchLabels
from evolve.workbench.grid import Cell
from evolve.workbench.plan import SAMPLED, TRUTH, VALUES
from prm.judging.order import rank_correlation
from tasks.seeding import derive_seed

Figure = dict[str, Any]  # {value, interval}

FIGURES = {
    "f1": (TRUTH, "first-error F1"),
    "auc": (TRUTH, "first-error AUC"),
    "pairs": (TRUTH, "pair accuracy"),
    "ece": (TRUTH, "ECE"),
    "bias": (VALUES, "bias"),
    "variance": (VALUES, "variance beyond noise"),
    "rank": (VALUES, "rank correlation"),
    "within": (VALUES, "rank within solutions"),
}
"""By the summary's names: which held-out data a figure is of, and what ``scripts.eval_prm`` calls it."""
BEST, SEARCH = "best_of_n", "search"
LESS_IS_BETTER = ("ece", "bias", "variance")
_RESAMPLES = 500


@dataclass(frozen=True)
class Found:
    """The results of all cells, as their stages gave them."""

    run: str
    round: int
    split: str
    labels: Mapping[BenchLabels, dict[str, Any]]
    held_out: dict[str, Any]
    judged_labels: Mapping[BenchLabels, dict[str, Any]]
    models: Mapping[Cell, dict[str, Any]]
    search: dict[str, Any]
    scan: dict[str, Any] | None


def summarise(found: Found, config: BenchConfig) -> dict[str, Any]:
    """What ``summary.json`` holds. ``rows``: {labels, loss (None: the labels themselves), seeds, figures, ...}."""
    rows = [_of_labels(labels, one) for labels, one in found.judged_labels.items()]
    pairs = list(dict.fromkeys((cell.labels, cell.loss) for cell in found.models))
    for labels, loss in pairs:
        cells = {cell: one for cell, one in found.models.items() if (cell.labels, cell.loss) == (labels, loss)}
        rows.append(_of_models(cells, found.search))
    models = [row for row in rows if row["loss"] is not None]
    return {
        "name": config.name,
        "run": found.run,
        "round": found.round,
        "split": found.split,
        "held_out": found.held_out,
        "asked": {
            "budget": config.budget,
            "continuations": config.continuations,
            "value_continuations": config.value_continuations,
            "value_problems": config.value_problems,
            "seeds": config.seeds,
            "samples": config.samples,
            "choose_by": str(config.choose_by),
            "seed": config.seed,
        },
        "labels": [{"labels": str(labels), **one} for labels, one in found.labels.items()],
        "rows": rows,
        "best": _best(models),
        "search": {"tokens": found.search["tokens"], "lines": found.search["lines"]}
        | {"oracle": found.search["searches"]["oracle"]},
        "correlations": correlations(models, derive_seed(config.seed, "prm bench", "correlations")),
        "scan": found.scan,
    }


def correlations(rows: Sequence[Mapping[str, Any]], seed: int) -> list[dict[str, Any]]:
    """Over the process models: Spearman's of each figure with search accuracy, positive where better goes with better.

    The interval draws process models anew, as if they were independent, which models of one label method are not; None
    with fewer than 5.
    """
    found = []
    for name in (*FIGURES, BEST):
        both = [
            (_goodness(name, row["figures"][name]["value"]), row["figures"][SEARCH]["value"])
            for row in rows
            if all(row["figures"].get(each, {}).get("value") is not None for each in (name, SEARCH))
        ]
        points_R2 = np.array(both, dtype=np.float64).reshape(-1, 2)
        value = rank_correlation(*points_R2.T) if len(points_R2) > 1 else None
        interval = _drawn_anew(points_R2, seed) if value is not None and len(points_R2) >= 5 else None
        found.append({"figure": name, "value": _rounded(value), "interval": interval, "of": len(points_R2)})
    return found


def pooled(figures: Sequence[Figure]) -> Figure:
    """One figure of several trainings: the mean, and an interval from the lowest end to the highest of theirs."""
    values = [one["value"] for one in figures if one["value"] is not None]
    ends = [one["interval"] for one in figures if one["interval"] is not None]
    interval = [min(low for low, _ in ends), max(high for _, high in ends)] if ends else None
    return {"value": _rounded(float(np.mean(values))) if values else None, "interval": interval}


def _of_labels(labels: BenchLabels, one: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"labels": str(labels), "loss": None, "seeds": 0, "figures": {}}
    if "refused" in one:
        return row | {"refused": one["refused"]}
    judged = one["judged"]
    counts = {"judged": judged[TRUTH]["judged"], "left_out": judged[TRUTH]["left_out"]}
    return row | counts | {"figures": _figures(judged)}


def _of_models(cells: Mapping[Cell, dict[str, Any]], search: Mapping[str, Any]) -> dict[str, Any]:
    first = next(iter(cells))
    row: dict[str, Any] = {"labels": str(first.labels), "loss": str(first.loss), "seeds": len(cells)}
    row |= {"is_cut": first.is_cut, "figures": {}}
    if refused := [one["refused"] for one in cells.values() if "refused" in one]:
        return row | {"refused": refused[0]}
    each = [_figures(one["judged"]) | _search(cell, search) for cell, one in cells.items()]
    names = list(dict.fromkeys(name for own in each for name in own))
    return row | {"figures": {name: pooled([own[name] for own in each if name in own]) for name in names}}


def _figures(judged: Mapping[str, Any]) -> dict[str, Figure]:
    """By the summary's names; what was not told (no siblings, no probabilities) is left out."""
    told = {(data, one["name"]): one for data, found in judged.items() for one in found.get("figures", ())}
    found = {
        name: {"value": told[place]["value"], "interval": told[place]["interval"]}
        for name, place in FIGURES.items()
        if place in told
    }
    if choices := [row for row in judged.get(SAMPLED, {}).get("choice", ()) if row["method"] == "best"]:
        largest = max(choices, key=lambda row: int(row["n"]))
        found[BEST] = {"value": largest["mean"], "interval": largest["interval"]}
    return found


def _search(cell: Cell, search: Mapping[str, Any]) -> dict[str, Figure]:
    row = search["searches"].get(cell.name)
    if row is None:
        return {}
    found = {SEARCH: {"value": row["accuracy"], "interval": row["interval"]}}
    if "difference" in row:
        found["gain"] = {"value": row["difference"], "interval": row["difference_interval"]}
    return found


def _best(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The row with the best value of each figure that can be ranked."""
    best = {}
    for name in (*FIGURES, BEST, SEARCH):
        known = [row for row in rows if row["figures"].get(name, {}).get("value") is not None]
        if known:
            row = max(known, key=lambda row: _goodness(name, row["figures"][name]["value"]))
            best[name] = {"labels": row["labels"], "loss": row["loss"], **row["figures"][name]}
    return best


def _goodness(name: str, value: float) -> float:
    return -abs(value) if name in LESS_IS_BETTER else value


def _drawn_anew(points_R2: np.ndarray, seed: int) -> list[float] | None:
    rng = np.random.default_rng(seed)
    size = len(points_R2)
    drawn = (rank_correlation(*points_R2[rng.integers(0, size, size)].T) for _ in range(_RESAMPLES))
    known = [value for value in drawn if value is not None and math.isfinite(value)]
    if 2 * len(known) <= _RESAMPLES:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return [round(float(low), 4), round(float(high), 4)]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
