"""Comparing methods of answering at equal generated tokens, on a finished round of a run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from evolve.curves import at_equal_tokens, declines, ladder, last_difference, read_curves
from evolve.curves_html import curves_report
from evolve.evaluate_run import EvaluateConfig, Judged, find_judged, run_groups
from evolve.methods import Method, MethodWork, check_budgets, choose_methods, units
from evolve.report_text import percent, points
from evolve.statistics import added_up
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
    summary["verdicts"] = added_up(result["verdicts"] for result in results)
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
            **({} if wanted.prm is None else {"prm": wanted.prm}),
            "seed": wanted.seed,
        },
        "methods": [ladder(curve) for curve in curves],
        "equal_tokens": at_equal_tokens(curves, derive_seed(work.seed, "bootstrap")),
        "declines": declines(curves, derive_seed(work.seed, "declines")),
    }


def _name(summary: dict[str, Any]) -> str:
    """Readable, and different for different questions."""
    digest = hashlib.sha256(json.dumps(summary["asked"], sort_keys=True).encode()).hexdigest()[:8]
    return f"round_{summary['round']}-{summary['split']}-{summary['problems']}-{digest}"


def findings(summary: dict[str, Any]) -> list[str]:
    """What the comparison says, in sentences, whichever way it came out; the first one sums it up."""
    about = (
        f"{summary['problems']} problems of the {summary['split']} split, policy and PPM of round {summary['round']}, "
        f"seed {summary['asked']['seed']}."
    )
    labels = {row["method"]: row["label"] for row in summary["methods"]}
    falls = _falls(summary["declines"], labels)
    if summary["equal_tokens"] is None:
        return [about, *falls]
    base = labels[summary["equal_tokens"]["reference"]]
    by_verdict: dict[str, list[str]] = {verdict: [] for verdict in _VERDICTS}
    said = []
    for method, label in labels.items():
        compared = last_difference(summary["equal_tokens"], method)
        if compared is None or method == Method.PASS_AT_N:
            continue
        tokens, row = compared
        verdict = _verdict(row)
        by_verdict[verdict].append(label)
        said.append(
            f"At {tokens:,.0f} generated tokens a problem, {label} {verdict} {base}: {percent(row['accuracy'])}, "
            f"{points(row['difference'], row['difference_interval'])}.{_caution(row, verdict)}"
        )
    return [_sum(by_verdict, base), about, *said, *falls]


_VERDICTS = ("beats", "is beaten by", "is not told apart from")
_LEVEL = 0.05


def _verdict(row: dict[str, Any]) -> str:
    """Of a method's last difference, with the other methods in mind."""
    return _VERDICTS[2] if row["p_holm"] >= _LEVEL else _VERDICTS[row["difference"] < 0]


def _caution(row: dict[str, Any], verdict: str) -> str:
    low, high = row["difference_interval"]
    if verdict != _VERDICTS[2] or low <= 0 <= high:
        return ""
    return " The interval of this one alone leaves out 0; of so many that is no proof."


def _sum(by_verdict: dict[str, list[str]], base: str) -> str:
    total = sum(map(len, by_verdict.values()))
    better, worse, unclear = (by_verdict[verdict] for verdict in _VERDICTS)
    return (
        f"Of {total} methods held against {base} at equal generated tokens {_named(better, 'better')}, "
        f"{_named(worse, 'worse')}, and {len(unclear) or 'none'} not told apart from it (verdicts corrected for "
        f"{total} comparisons, Holm)."
    )


def _named(labels: list[str], what: str) -> str:
    if not labels:
        return f"none is {what}"
    return f"{len(labels)} {'is' if len(labels) == 1 else 'are'} {what} ({'; '.join(labels)})"


def _falls(rows: list[dict[str, Any]], labels: dict[str, str]) -> list[str]:
    """What a larger budget costs: a sentence each where that is sure, one for all others."""
    said, unsure = [], []
    for row in rows:
        (small, large), (before, after) = row["budgets"], map(percent, row["accuracies"])
        label, change = labels[row["method"]], f"{before} at {small}, {after} at {large}"
        if row["p_holm"] < _LEVEL:
            difference = points(row["difference"], row["difference_interval"])
            said.append(f"{label} falls with a larger budget: {change}, {difference}.")
        else:
            unsure.append(f"{label} ({change})")
    if unsure:
        said.append(f"No gain at the largest budget over a smaller one, and perhaps a loss: {'; '.join(unsure)}.")
    return said
