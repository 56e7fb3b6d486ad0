"""The bench's plots: first-error F1 of every cell, and F1 against accuracy in search."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from evolve.plots import Axis, Plot
from evolve.workbench.summary import SEARCH

_COLOURS = ("#2f6fde", "#c2410c", "#8b5cf6", "#0f8a5f", "#b8860b", "#be185d", "#0891b2", "#6b7280", "#84752b")
_LINES = {"greedy": ("greedy", "2 2"), "majority": ("majority vote", "5 4"), "oracle": ("search by the oracle", "9 3")}


def charts(summary: Mapping[str, Any]) -> dict[str, Plot]:
    """By the names of their files; a plot only where there is something to draw."""
    made = {}
    rows = [row for row in summary["rows"] if row["figures"].get("f1", {}).get("value") is not None]
    if rows:
        made["f1"] = _f1(rows)
    both = [row for row in rows if row["figures"].get(SEARCH, {}).get("value") is not None]
    if both:
        made["search"] = _search(both, summary["search"])
    return made


def _f1(rows: list[Any]) -> Plot:
    """A column for each label method, a colour for each loss; the labels themselves are the first dot."""
    methods = list(dict.fromkeys(row["labels"] for row in rows))
    losses = list(dict.fromkeys(row["loss"] or "the labels" for row in rows))
    ticks = [(tick / 5, f"{tick / 5:g}") for tick in range(6)]
    x = Axis(-0.5, len(methods) - 0.5, [(at, name) for at, name in enumerate(methods)])
    plot = Plot("first-error F1 of every label method and loss", x, Axis(0, 1, ticks), width=980, height=360)
    for row in rows:
        loss, figure = row["loss"] or "the labels", row["figures"]["f1"]
        at = methods.index(row["labels"]) + 0.7 * ((losses.index(loss) + 0.5) / len(losses) - 0.5)
        colour = _COLOURS[losses.index(loss) % len(_COLOURS)]
        if figure["interval"]:
            plot.whisker(at, figure["interval"], colour)
        plot.dot((at, figure["value"]), colour, f"{row['labels']}, {loss}: {figure['value']:.3f}")
    for number, loss in enumerate(losses):
        plot.name(loss, _COLOURS[number % len(_COLOURS)])
    return plot


def _search(rows: list[Any], search: Mapping[str, Any]) -> Plot:
    """A dot for each process model, a line for what no process model guides."""
    lines = {name: search["lines"].get(name) if name != "oracle" else search["oracle"] for name in _LINES}
    known = {name: row["accuracy"] for name, row in lines.items() if row is not None}
    values = [*known.values(), *(row["figures"][SEARCH]["value"] for row in rows)]
    low, high = math.floor(10 * min(values)), math.ceil(10 * max(values) + 1e-9)
    y = Axis(low / 10, high / 10, [(tick / 10, f"{10 * tick} %") for tick in range(low, high + 1)])
    x = Axis(0, 1, [(tick / 5, f"{tick / 5:g}") for tick in range(6)], "first-error F1")
    plot = Plot("share of problems solved by search against first-error F1", x, y, height=380, right=210)
    methods = list(dict.fromkeys(row["labels"] for row in rows))
    for row in rows:
        f1, found = row["figures"]["f1"]["value"], row["figures"][SEARCH]
        colour = _COLOURS[methods.index(row["labels"]) % len(_COLOURS)]
        title = f"{row['labels']}, {row['loss']}: F1 {f1:.3f}, {100 * found['value']:.1f} % solved"
        plot.dot((f1, found["value"]), colour, title)
    for name, value in known.items():
        label, dash = _LINES[name]
        plot.line([(0, value), (1, value)], "#6b7280", width=1.5, dash=dash)
        plot.name(label, "#6b7280", value, 1, dash)
    for number, name in enumerate(methods):
        plot.name(name, _COLOURS[number % len(_COLOURS)])
    return plot
