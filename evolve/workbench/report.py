"""The bench in files and on the terminal: ``summary.json``, ``REPORT.md``, ``report.html`` and its plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evolve.judging_pages import Shown, TableText, html_of, markdown_of
from evolve.methods import LABELS, Method
from evolve.plots import standalone
from evolve.report_text import between, percent
from evolve.workbench.charts import charts
from evolve.workbench.sentences import sentences
from evolve.workbench.summary import BEST, SEARCH
from tasks.durable import write_json_atomic, write_text_atomic

HOW = (
    "Rows without a loss are the labels themselves, in a model's place, on the held-out solutions; rows with one are "
    "process models trained on the method's labels of training problems. Against the oracle: F1 is ProcessBench's, by "
    "a threshold chosen on problems that are then not judged; AUC: a right step above a first error; "
    "pairs: of two steps after the same steps the better one is scored higher; ECE: of (1 + score) / 2 as the "
    "probability that a step is right. Against the values of prefixes that many continuations measured: bias, variance "
    "beyond the noise of those values, rank correlation over all steps, and within solutions. Best of N: of the "
    "sampled solutions the one that the model scores highest. Search: the same tree search guided by each model, at "
    "the same number of generated tokens. In brackets 95 % intervals over problems drawn anew (F1: solutions; search: "
    "Wilson); with several seeds they reach from the lowest end to the highest. * labels that are degrees, cut in two "
    "for a loss of two classes."
)
_HEAD = {
    "f1": "F1",
    "auc": "AUC",
    "pairs": "pairs",
    "ece": "ECE",
    "bias": "bias",
    "variance": "variance",
    "rank": "rank",
    "within": "within",
    BEST: "best of N",
    SEARCH: "search",
}
_SHORT = ("f1", "auc", "rank", BEST, SEARCH)


def write_reports(summary: Mapping[str, Any], folder: Path) -> None:
    """Write all files below the bench's folder."""
    shown = Shown(sentences(summary), tables(summary), charts(summary), HOW)
    plots = {name: plot.svg() for name, plot in shown.plots.items()}
    write_json_atomic(folder / "summary.json", summary)
    for name, svg in plots.items():
        write_text_atomic(folder / f"{name}.svg", standalone(svg) + "\n")
    title = f"PRM bench {summary['name']}"
    write_text_atomic(folder / "REPORT.md", markdown_of(title, shown))
    write_text_atomic(folder / "report.html", html_of(title, shown, plots))


def tables(summary: Mapping[str, Any]) -> list[TableText]:
    """All tables: the grid first."""
    made = [grid_table(summary, list(_HEAD)), cost_table(summary), lines_table(summary), correlation_table(summary)]
    return made + ([scan_table(summary["scan"])] if summary["scan"] else [])


def short_tables(summary: Mapping[str, Any]) -> list[TableText]:
    """For a terminal: fewer columns of the grid, and the costs."""
    return [grid_table(summary, _SHORT), cost_table(summary), lines_table(summary)]


def grid_table(summary: Mapping[str, Any], names: Sequence[str]) -> TableText:
    """Label method x loss x evaluation."""
    head = ["labels", "loss", *(_HEAD[name] for name in names)]
    rows = []
    for row in summary["rows"]:
        loss = "-" if row["loss"] is None else f"{row['loss']}{' *' * row['is_cut']}"
        rows.append([row["labels"], loss, *(_cell(name, row["figures"].get(name)) for name in names)])
    return "Label method x loss x evaluation", head, rows


def cost_table(summary: Mapping[str, Any]) -> TableText:
    """What the labels to train on cost, and how many that bought."""
    head = ["labels", "problems", "solutions", "labelled steps", "continuations", "generated tokens", "prefilled"]
    rows = []
    for one in summary["labels"]:
        costs = one["costs"]
        paid = [costs.get(name, 0) for name in ("continuations", "generated", "prefilled")]
        rows.append([one["labels"], *(f"{n:,}" for n in (one["problems"], one["solutions"], one["steps"], *paid))])
    return f"Labels to train on, within {summary['asked']['budget']:,} generated tokens", head, rows


def lines_table(summary: Mapping[str, Any]) -> TableText:
    """What is not guided by a process model, at the searches' tokens."""
    search = summary["search"]
    named = {LABELS[Method(name)]: row for name, row in search["lines"].items()}
    named["search by the oracle (ceiling)"] = search["oracle"]
    rows = [
        [name, "-", "-"] if row is None else [name, percent(row["accuracy"]), between(row["interval"])]
        for name, row in named.items()
    ]
    return f"Solved at {search['tokens']:,.0f} generated tokens a problem", ["by", "solved", "95 % interval"], rows


def correlation_table(summary: Mapping[str, Any]) -> TableText:
    """Does a better process model search better?"""
    rows = [
        [_HEAD[one["figure"]], _number(one["value"]), _ends(one["interval"]), f"{one['of']}"]
        for one in summary["correlations"]
    ]
    head = ["figure", "rank correlation", "95 % interval", "process models"]
    return "Better by a figure, better in search?", head, rows


def scan_table(scan: Mapping[str, Any]) -> TableText:
    """Binary search against plain Monte-Carlo."""
    rows = [
        ["plain, every step of every solution", f"{scan['asked']:,}", _times(scan["ratio"])],
        ["plain, every step of wrong solutions", f"{scan['asked_wrong']:,}", _times(scan["ratio_wrong"])],
        ["plain, wrong ones up to the first error", f"{scan['asked_in_order']:,}", _times(scan["ratio_in_order"])],
        ["binary search", f"{scan['asked_by_search']:,}", _times(1.0)],
    ]
    head = ["Monte-Carlo", "continuations", "times binary search's"]
    return f"First errors of {scan['solutions']:,} solutions ({scan['wrong']:,} wrong)", head, rows


def _cell(name: str, figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    interval, times = figure["interval"], 100 if name in (BEST, SEARCH) else 1
    digits = 1 if times > 1 else 3
    ends = "" if interval is None else f" ({times * interval[0]:.{digits}f} to {times * interval[1]:.{digits}f})"
    return f"{times * figure['value']:.{digits}f}{' %' * (times > 1)}{ends}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _ends(interval: Sequence[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"
