"""What a run came to: ``summary.json`` for machines, ``REPORT.md`` and ``report.html`` for people."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evolve.figures import MOST_CRITICAL
from evolve.journal import TimingSummary
from evolve.plots import standalone
from evolve.plots_run import run_figures
from evolve.report_html import html_report
from evolve.report_text import markdown_report
from evolve.stages import RunContext
from evolve.statistics import Difference, problem_bootstrap
from mcts.criticality import rank
from tasks.durable import write_json_atomic, write_text_atomic
from tasks.errors import DataError
from tasks.seeding import derive_seed

SET_ASIDE = "set_aside.json"  # written before the first stage, where rows of the task's file were left out
OVERLAP = "overlap.json"  # likewise, where the task has a file: training problems that share words with judged ones
PLOTS = "plots"


def write_reports(context: RunContext, last_round: int) -> dict[str, Any]:
    """Write the reports of the finished rounds up to ``last_round`` and return the summary.

    The plots stand in ``report.html``, and as files in ``plots/`` for ``REPORT.md``.
    """
    root = context.folder.root
    judged = [read_eval(context.folder.round_dir(number) / "eval.json") for number in range(last_round + 1)]
    timings = context.timings.summary()
    summary = summarise_run(root.name, judged, timings)
    fault = context.config.task.fault
    if fault.false_positive or fault.false_negative:
        summary["fault"] = {"false_positive": fault.false_positive, "false_negative": fault.false_negative}
    if (root / OVERLAP).exists():
        summary["overlap"] = count_overlap(json.loads((root / OVERLAP).read_text(encoding="utf-8")))
    seconds = {key: value for key, value in timings.by_stage.items() if round_of(key) <= last_round}
    figures, critical = run_figures(summary["rounds"], judged, seconds), most_critical_rows(judged)
    for figure in figures:
        write_text_atomic(root / PLOTS / f"{figure.name}.svg", standalone(figure.svg) + "\n")
    plots = [(figure.title, f"{PLOTS}/{figure.name}.svg") for figure in figures]
    write_json_atomic(root / "summary.json", summary)
    said = markdown_report(root.name, summary, _count_set_aside(root), plots, critical)
    write_text_atomic(root / "REPORT.md", said)
    write_text_atomic(root / "report.html", html_report(root.name, summary, figures, critical))
    return summary


def most_critical_rows(judged: Sequence[dict[str, Any]], count: int = MOST_CRITICAL) -> list[dict[str, Any]]:
    """The ``count`` most critical steps of all rounds, each with its ``round``; ranked and grouped as each round's."""
    rows = [{"round": each["round"], **row} for each in judged for row in each.get("select", {}).get("critical", [])]
    rows.sort(key=lambda row: (-rank(row["delta"], row["visits"]), -row["visits"], row["round"]))
    groups: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["text"], row["delta"] < 0].append(row)
    return [{**group[0], "alike": sum(row.get("alike", 1) for row in group)} for group in groups.values()][:count]


def round_of(stage_key: str) -> int:
    """The round of a stage such as ``round_1/ppm``."""
    return int(stage_key.partition("/")[0].removeprefix("round_"))


def count_overlap(files: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The reports of a task's files as one: how many training problems there were, and how many are set aside."""
    compared = {"n": files[0]["n"], "training": sum(each["training"] for each in files)}
    return compared | {"set_aside": sum(len(each["set_aside"]) for each in files)}


def _count_set_aside(root: Path) -> int:
    path = root / SET_ASIDE
    return len(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else 0


def summarise_run(name: str, judged: Sequence[dict[str, Any]], timings: TimingSummary) -> dict[str, Any]:
    """One row per finished round; ``total_seconds`` counts every attempt, killed ones up to their last whole stage."""
    seconds: dict[int, float] = defaultdict(float)
    for key, value in timings.by_stage.items():
        seconds[round_of(key)] += value
    rows = [round_row(each, seconds[each["round"]]) for each in judged]
    return {
        "name": name,
        "rounds": rows,
        "flops": sum(row["flops"] for row in rows),  # of search and training, without the cold start
        "total_seconds": round(timings.total_seconds, 1),
        "peak_memory_mb": round(timings.peak_memory_mb, 1),
    }


def read_eval(path: Path) -> dict[str, Any]:
    """A round's ``eval.json``."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged ({error}); delete it and start the run again") from error


def round_row(judged: dict[str, Any], seconds: float) -> dict[str, Any]:
    """A round in a few figures. What the round did not do is None (round 0 has no search and no PPM)."""
    evaluation, search = judged["evaluation"], judged.get("search", {})
    select, ppm, policy = judged.get("select", {}), judged.get("ppm", {}), judged.get("policy", {})
    trained = [part.get("trained_tokens", 0) for part in (judged.get("train", {}), ppm, policy)]
    gain, calibration = _search_gain(judged), select.get("calibration", {})
    return {
        "round": judged["round"],
        "mode": search.get("mode"),
        "greedy": evaluation["greedy"],
        "greedy_interval": evaluation["greedy_interval"],
        "sampled": evaluation["sampled"],
        "majority": evaluation["majority"],
        "search": evaluation["search"],
        "search_interval": evaluation["search_interval"],
        "problems": evaluation["problems"],
        "split": evaluation["split"],
        "choice": search.get("choice"),
        "quarantined": search.get("suspects"),
        "unseen": search.get("unseen"),
        "success_before": search.get("success_before"),
        "varied": search.get("varied"),
        "coverage": search.get("coverage"),
        "pairs": select.get("pairs"),
        "pairs_by_depth": select.get("pairs_by_depth", {}),
        "trajectories": select.get("trajectories"),
        "lucky": select.get("lucky"),
        "search_gain": gain.mean if gain else None,
        "search_gain_interval": gain.interval if gain else None,
        "ppm_pair_accuracy": ppm.get("pair_accuracy"),
        "calibration_error": calibration.get("error"),
        "calibration_ends": _ends(calibration.get("bins", [])),
        "held_out_pairs": select.get("held_out_pairs"),
        "generated_tokens": search.get("generated_tokens", 0) + evaluation["generated_tokens"],
        "trained_tokens": sum(trained),
        "flops": sum(judged.get("flops", {}).values()),
        "cache_hit_rate": search.get("cache_hit_rate"),  # of the prompt tokens that searches asked for
        "seconds": round(seconds, 1),
    }


def _search_gain(judged: dict[str, Any]) -> Difference | None:
    """How much more the PPM-guided search solves than greedy decoding, problem by problem."""
    records = [record for record in judged.get("records", []) if record["search"] is not None]
    if not records:
        return None
    gains_P = np.array([float(record["search"]) - float(record["greedy"]) for record in records])
    return problem_bootstrap(gains_P, derive_seed(judged["round"], "search gain"))


def _ends(bins: Sequence[Sequence[float]]) -> list[list[float]]:
    """Mean score and mean outcome of the lowest-scored steps, and of the highest-scored."""
    return [[score, outcome] for _, score, outcome in (bins[0], bins[-1])] if len(bins) > 1 else []
