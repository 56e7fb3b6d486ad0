"""``report.html`` of a comparison of methods: one page that needs no network and runs no script."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from evolve.plots import Axis, Plot
from evolve.report_html import page
from evolve.report_text import percent

_COLOURS = (
    "#7a8699", "#2f6fde", "#0891b2", "#c2410c", "#d97706", "#b45309", "#a16207", "#15803d", "#8b5cf6", "#c026d3",
    "#dc2626", "#6b7280",
)  # fmt: skip
_HOW = (
    "Tokens are generated tokens per problem, dropped and repeated steps included; what the PPM read stands beside "
    "them. Intervals are 95 %: Wilson over problems for accuracies, a paired bootstrap over problems for differences. "
    "Between two budgets a method is read off the straight line: that is what it costs and solves when a share of the "
    "problems gets the lower budget and the rest the higher one. Whole solutions are sampled once: all votes, "
    "best-of-N and pass@N choose from the same ones. pass@N needs the answer to know which one is right: a ceiling."
)


def curves_report(summary: dict[str, Any], said: list[str]) -> str:
    """The page of ``evolve.compare_run``'s summary with its findings."""
    title = f"{summary['run']}, round {summary['round']}: methods at equal generated tokens"
    findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in said)
    parts = [f"<ul>{findings}</ul>", _chart(summary["methods"]), *_equal(summary), _ladders(summary["methods"])]
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
    return ["<h2>At equal tokens</h2>", _table(["tokens", "method", "accuracy", f"points over {reference}"], cells)]


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
    return "<h2>By budget</h2>" + _table(head, cells)


def _table(head: list[str], rows: list[list[str]]) -> str:
    """The second column holds names."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def _chart(methods: list[dict[str, Any]]) -> str:
    """Accuracy against generated tokens; a method with one budget is a dot, the ceiling a broken line."""
    points = [point for method in methods for point in method["budgets"]]
    places = [_place(point) for point in points]
    bottom = math.floor(10 * min(point["interval"][0] for point in points)) / 10
    powers = range(math.ceil(min(places)), math.floor(max(places)) + 1)
    x = Axis(min(places), max(places), [(power, f"{2**power:,}") for power in powers], "generated tokens per problem")
    y = Axis(bottom, 1, [(tick / 10, f"{10 * tick} %") for tick in range(round(10 * bottom), 11)])
    plot = Plot("accuracy against generated tokens", x, y, height=380, right=190)
    drawn = list(zip(methods, _COLOURS, strict=False))
    for method, colour in drawn:
        _line(plot, method, colour)
    for method, colour in sorted(drawn, key=lambda each: -each[0]["budgets"][-1]["accuracy"]):
        plot.name(method["label"], colour, method["budgets"][-1]["accuracy"])
    return plot.svg()


def _line(plot: Plot, method: dict[str, Any], colour: str) -> None:
    rows = method["budgets"]
    plot.line([(_place(row), row["accuracy"]) for row in rows], colour, width=2, dashed=method["is_ceiling"])
    for row in rows:
        plot.whisker(_place(row), row["interval"], colour)
        title = f"{method['label']}, budget {row['budget']}: {percent(row['accuracy'])}"
        plot.dot((_place(row), row["accuracy"]), colour, title, radius=3)


def _place(point: dict[str, Any]) -> float:
    """On the axis of tokens, which is logarithmic."""
    return math.log2(max(1.0, point["generated_tokens"]))
