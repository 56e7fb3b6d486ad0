"""``report.html`` of a comparison of methods: one page that needs no network and runs no script."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from evolve.plots import Axis, Plot
from evolve.report_html import page, table, wide
from evolve.report_text import percent

_COLOURS = (
    "#7a8699", "#2f6fde", "#0891b2", "#c2410c", "#d97706", "#b45309", "#a16207", "#15803d", "#8b5cf6", "#c026d3",
    "#dc2626", "#6b7280",
)  # fmt: skip
# Beside the colours, for those who cannot tell them apart: runs of ink and gap. The ceiling has one of its own.
_DASHES = ("", "9 3", "2 2", "", "9 3 2 3", "6 2", "2 4", "12 3", "", "6 2 2 2", "12 3 2 3 2 3", "4 4")
_CEILING = "5 4"
_HOW = (
    "Tokens are generated tokens per problem, dropped and repeated steps included; what the PPM read stands beside "
    "them. Intervals are 95 %: Wilson over problems for accuracies, a paired bootstrap over problems for differences. "
    "They hold for one figure alone; the verdicts above hold for all methods together (Holm 1979). "
    "Between two budgets a method is read off the straight line: that is what it costs and solves when a share of the "
    "problems gets the lower budget and the rest the higher one. Whole solutions are sampled once: all votes, "
    "best-of-N and pass@N choose from the same ones. pass@N needs the answer to know which one is right: a ceiling."
)


def curves_report(summary: dict[str, Any], said: list[str]) -> str:
    """The page of ``evolve.compare_run``'s summary with its findings."""
    title = f"{summary['run']}, round {summary['round']}: methods at equal generated tokens"
    findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    parts = [f"<ul>{findings}</ul>", wide(_chart(summary["methods"])), *_equal(summary), _ladders(summary["methods"])]
    return page(title, "".join(parts) + f"<p>{escape(_HOW)}</p>")


def interval_text(interval: list[float], sign: str = "") -> str:
    """An interval of shares for people."""
    return " to ".join(f"{100 * end:{sign}.1f}" for end in interval)


def _equal(summary: dict[str, Any]) -> list[str]:
    equal = summary["equal_tokens"]
    if equal is None:
        return []
    labels = {row["method"]: row["label"] for row in summary["methods"]}
    cells = []
    for target in equal["targets"]:
        for method, row in target["methods"].items():
            less = "-"
            if "difference" in row:
                less = f"{100 * row['difference']:+.1f} ({interval_text(row['difference_interval'], '+')})"
            accuracy = f"{percent(row['accuracy'])} ({interval_text(row['interval'])})"
            cells.append([f"{target['tokens']:,.0f}", labels[method], accuracy, less])
    reference = labels[equal["reference"]]
    return ["<h2>At equal tokens</h2>", table(["tokens", "method", "accuracy", f"points over {reference}"], cells)]


def _ladders(methods: list[dict[str, Any]]) -> str:
    cells = [
        [
            f"{row['budget']:,}",
            method["label"],
            f"{percent(row['accuracy'])} ({interval_text(row['interval'])})",
            f"{row['generated_tokens']:,.1f}",
            f"{row['scored_tokens']:,.1f}",
        ]
        for method in methods
        for row in method["budgets"]
    ]
    head = ["budget", "method", "accuracy", "tokens generated", "tokens scored"]
    return "<h2>By budget</h2>" + table(head, cells)


def _chart(methods: list[dict[str, Any]]) -> str:
    """Accuracy against generated tokens; a method with one budget is a dot, the ceiling a broken line."""
    points = [point for method in methods for point in method["budgets"]]
    places = [_place(point) for point in points]
    bottom = math.floor(10 * min(point["interval"][0] for point in points)) / 10
    powers = range(math.floor(min(places)), math.ceil(max(places)) + 1)
    x = Axis(powers[0], powers[-1], [(power, f"{2**power:,}") for power in powers], "generated tokens per problem")
    y = Axis(bottom, 1, [(tick / 10, f"{10 * tick} %") for tick in range(round(10 * bottom), 11)])
    plot = Plot("accuracy against generated tokens", x, y, height=380, right=190)
    drawn = list(zip(methods, _COLOURS, _DASHES, strict=False))
    for method, colour, dash in drawn:
        _line(plot, method, colour, dash)
    for method, colour, dash in sorted(drawn, key=lambda each: -each[0]["budgets"][-1]["accuracy"]):
        last = max(method["budgets"], key=_place)
        plot.name(method["label"], colour, last["accuracy"], _place(last), _dash(method, dash))
    return plot.svg()


def _dash(method: dict[str, Any], dash: str) -> str:
    return _CEILING if method["is_ceiling"] else dash


def _line(plot: Plot, method: dict[str, Any], colour: str, dash: str) -> None:
    rows = method["budgets"]
    plot.line([(_place(row), row["accuracy"]) for row in rows], colour, width=2, dash=_dash(method, dash))
    for row in rows:
        plot.whisker(_place(row), row["interval"], colour)
        title = f"{method['label']}, budget {row['budget']}: {percent(row['accuracy'])}"
        plot.dot((_place(row), row["accuracy"]), colour, title, radius=3)


def _place(point: dict[str, Any]) -> float:
    """On the axis of tokens, which is logarithmic."""
    return math.log2(max(1.0, point["generated_tokens"]))
