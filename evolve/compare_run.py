"""Comparing methods of answering at equal generated tokens, on a finished round of a run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from evolve.curves import at_equal_tokens, ladder, last_difference, read_curves
from evolve.curves_html import curves_report, interval_text
from evolve.evaluate_run import EvaluateConfig, Judged, find_judged, run_groups
from evolve.methods import Method, MethodWork, check_budgets, choose_methods, units
from evolve.report_text import percent
from tasks.durable import write_json_atomic, write_text_atomic
from tasks.errors import UserError
from tasks.seeding import derive_seed


def compare_methods(wanted: EvaluateConfig) -> tuple[dict[str, Any], Path]:
    """Have every problem answered by each of ``wanted.methods`` at each of ``wanted.budgets``.

    Returns the summary and the folder below the run's ``evaluations`` that it was written to: ``summary.json``,
    ``report.html`` and ``records.jsonl``. Its name tells what was asked: to ask again writes the same files again.
    """
    for name in ("samples", "rollouts"):
        if getattr(wanted, name) is not None:
            raise UserError(f"{name} goes with the quick table; with methods, budgets takes its place")
    if wanted.beam_width < 1:
        raise UserError(f"beam_width must be at least 1, got {wanted.beam_width}")
    judged = find_judged(wanted)
    place = f"round {judged.number} of {judged.root}"
    methods = choose_methods(wanted.methods, judged.work.ppm_path is not None, place)
    work = MethodWork(
        **vars(judged.work), methods=methods, budgets=check_budgets(wanted.budgets), beam_width=wanted.beam_width
    )
    total = units(work) * len(judged.problems)
    results = run_groups(wanted, work, judged.problems, "evolve.baselines:judge_methods", total)
    records = [record for result in results for record in result["records"]]
    summary = _summarise(wanted, judged, work, records)
    totals = [result["work"] for result in results]
    summary["work"] = {name: sum(total[name] for total in totals) for name in totals[0]}
    folder = judged.root / "evaluations" / _name(summary)
    write_json_atomic(folder / "summary.json", summary)
    write_text_atomic(folder / "records.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    write_text_atomic(folder / "report.html", curves_report(summary, findings(summary)))
    return summary, folder


def _summarise(
    wanted: EvaluateConfig, judged: Judged, work: MethodWork, records: list[dict[str, Any]]
) -> dict[str, Any]:
    curves = read_curves(records, work.methods)
    evaluation = work.evaluation
    return {
        "run": judged.root.resolve().name,
        "round": judged.number,
        "split": str(evaluation.split),
        "problems": len(records),
        "asked": {
            "methods": [str(method) for method in work.methods],
            "budgets": list(work.budgets),
            "beam_width": work.beam_width,
            "width": evaluation.search.width,
            "choose_by": str(evaluation.choose_by),
            "temperature": evaluation.temperature,
            "seed": wanted.seed,
        },
        "methods": [ladder(curve) for curve in curves],
        "equal_tokens": at_equal_tokens(curves, derive_seed(work.seed, "bootstrap")),
    }


def _name(summary: dict[str, Any]) -> str:
    """Readable, and different for different questions."""
    digest = hashlib.sha256(json.dumps(summary["asked"], sort_keys=True).encode()).hexdigest()[:8]
    return f"round_{summary['round']}-{summary['split']}-{summary['problems']}-{digest}"


def findings(summary: dict[str, Any]) -> list[str]:
    """What the comparison says, in sentences, whichever way it came out."""
    said = [
        f"{summary['problems']} problems of the {summary['split']} split, policy and PPM of round {summary['round']}, "
        f"seed {summary['asked']['seed']}."
    ]
    equal = summary["equal_tokens"]
    if equal is None:
        return said
    labels = {row["method"]: row["label"] for row in summary["methods"]}
    base = labels[equal["reference"]]
    for method, label in labels.items():
        compared = last_difference(equal, method)
        if compared is None or method == Method.PASS_AT_N:
            continue
        tokens, row = compared
        low, high = row["difference_interval"]
        verdict = "beats" if low > 0 else "is beaten by" if high < 0 else "is not told apart from"
        said.append(
            f"At {tokens:,.0f} generated tokens a problem, {label} {verdict} {base}: {percent(row['accuracy'])}, "
            f"{100 * row['difference']:+.1f} points ({interval_text(row['difference_interval'], '+')})."
        )
    return said
