"""``report.html`` of a comparison of methods: one page that needs no network and runs no script."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from evolve.report_html import free_height, page
from evolve.report_text import percent

_COLOURS = (
    "#7a8699", "#2f6fde", "#0891b2", "#c2410c", "#d97706", "#b45309", "#a16207", "#15803d", "#8b5cf6", "#c026d3",
    "#dc2626", "#6b7280",
)  # fmt: skip
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 380, 46, 190, 14, 40
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


class _Axes:
    """Tokens on a logarithmic axis, shares on a linear one that begins below the lowest."""

    def __init__(self, points: list[dict[str, Any]]) -> None:
        tokens = [max(1.0, point["generated_tokens"]) for point in points]
        self.first, self.last = math.log2(min(tokens)), math.log2(max(tokens))
        self.bottom: float = math.floor(10 * min(point["interval"][0] for point in points)) / 10

    def x(self, tokens: float) -> float:
        share = (math.log2(max(1.0, tokens)) - self.first) / ((self.last - self.first) or 1.0)
        return _LEFT + 8 + (_WIDTH - _LEFT - _RIGHT - 8) * share

    def y(self, share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - (share - self.bottom) / (1 - self.bottom or 1.0))


def _chart(methods: list[dict[str, Any]]) -> str:
    """Accuracy against generated tokens; a method with one budget is a dot, the ceiling a broken line."""
    axes = _Axes([point for method in methods for point in method["budgets"]])
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="accuracy against generated tokens">']
    parts += _grid(axes)
    drawn = list(zip(methods, _COLOURS, strict=False))
    for method, colour in drawn:
        parts += _line(axes, method, colour)
    return "".join([*parts, *_labels(axes, drawn), "</svg>"])


def _labels(axes: _Axes, drawn: list[tuple[dict[str, Any], str]]) -> list[str]:
    """The methods' names in the order in which their lines end."""
    ends = [axes.y(method["budgets"][-1]["accuracy"]) for method, _ in drawn]
    parts: list[str] = []
    taken: list[float] = []
    for index in sorted(range(len(drawn)), key=lambda index: ends[index]):
        method, colour = drawn[index]
        taken.append(free_height(ends[index], taken))
        place = f'x="{_WIDTH - _RIGHT + 10}" y="{taken[-1] + 4:.1f}"'
        parts.append(f'<text {place} style="fill:{colour}">{escape(method["label"])}</text>')
    return parts


def _grid(axes: _Axes) -> list[str]:
    parts = []
    for tick in range(round(10 * axes.bottom), 11):
        height = axes.y(tick / 10)
        right = _WIDTH - _RIGHT
        parts.append(f'<line x1="{_LEFT}" x2="{right}" y1="{height:.1f}" y2="{height:.1f}" stroke="#9994" />')
        parts.append(f'<text x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{10 * tick} %</text>')
    for power in range(math.ceil(axes.first), math.floor(axes.last) + 1):
        place = f'x="{axes.x(2**power):.1f}" y="{_HEIGHT - 20}"'
        parts.append(f'<text {place} text-anchor="middle">{2**power:,}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return [*parts, f'<text x="{middle}" y="{_HEIGHT - 4}" text-anchor="middle">generated tokens per problem</text>']


def _line(axes: _Axes, method: dict[str, Any], colour: str) -> list[str]:
    points = [(axes.x(row["generated_tokens"]), axes.y(row["accuracy"]), row) for row in method["budgets"]]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    broken = ' stroke-dasharray="5 4"' if method["is_ceiling"] else ""
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{broken} />']
    for x, y, row in points:
        low, high = (axes.y(end) for end in row["interval"])
        title = f"{method['label']}, budget {row['budget']}: {percent(row['accuracy'])}"
        parts.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" stroke="{colour}" opacity=".35" />'
        )
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"><title>{escape(title)}</title></circle>')
    return parts
