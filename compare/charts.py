"""The pictures of a comparison: curves with bands, differences, where compute went, small frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from compare.claims import points, shown
from compare.curves import band
from compare.ledger import UNCHARGED
from compare.summary import charged, finished
from evolve.plots import Axis, Plot, amounts, panels, round_step, stacked

COLOURS = (
    "#2f6fde", "#c2410c", "#15803d", "#8b5cf6", "#0891b2", "#d97706", "#c026d3", "#dc2626", "#4d7c0f", "#0f766e",
    "#a16207", "#6366f1", "#be185d", "#94700a", "#65758b",
)  # fmt: skip
_ALARM = "#dc2626"
_WIDTH = 900
_SMALL = {"width": 225, "height": 150, "left": 50, "right": 12}  # of a panel, four in a row


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a small frame."""

    tint: str
    xs: Sequence[float]
    ys: Sequence[float]


@dataclass(frozen=True, slots=True)
class Panel:
    """A small frame with lines in it; ``last`` is written at its right end, ``marks`` are upright red lines."""

    title: str
    lines: Sequence[Line]
    last: str
    marks: Sequence[float] = ()


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour per arm, the same in every picture."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}


def learning_chart(arms: dict[str, Any], colour: dict[str, str], ceilings: Sequence[str]) -> str:
    """Mean accuracy of the seeds against charged FLOPs, all arms in one frame; ceilings are broken lines."""
    bands = {name: band(_curves(row)) for name, row in arms.items()}
    longest = max(each.compute[-1] for each in bands.values())
    labels = {name: f"{name} {100 * row['mean']:.1f} %" for name, row in arms.items()}
    y = _shares([value for each in bands.values() for value in each.mean])
    right = 40 + round(7 * max(map(len, labels.values())))
    height = max(380, 60 + 14 * len(arms))
    x = _compute(longest, "charged FLOPs per seed")
    plot = Plot("accuracy against charged compute", x, y, width=_WIDTH, height=height, left=56, right=right)
    for name in sorted(bands, key=lambda name: -bands[name].mean[-1]):
        each, dash = bands[name], "6 4" if name in ceilings else ""
        path = zip([*each.compute, longest], [*each.mean, each.mean[-1]], strict=True)
        plot.line(list(path), colour[name], width=2, dash=dash)
        plot.name(labels[name], colour[name], each.mean[-1], longest, dash)
    return plot.svg()


def band_panels(arms: dict[str, Any], colour: dict[str, str], reference: str | None) -> str:
    """One small frame per arm: mean and range of its seeds, with the reference's mean in grey."""
    bands = {name: band(_curves(row)) for name, row in arms.items()}
    x = _compute(max(each.compute[-1] for each in bands.values()), most=2)
    y = _shares([value for each in bands.values() for value in (*each.low, *each.high)], most=3)
    plots = []
    for name in (name for name in bands if len(_curves(arms[name])[0]) > 1):
        plot, each = Plot(name, x, y, **_SMALL), bands[name]
        if reference in bands and reference != name:
            grey = bands[reference]
            plot.line(list(zip(grey.compute, grey.mean, strict=True)), "#888888", width=1.5)
        low, high, mean = (list(zip(each.compute, part, strict=True)) for part in (each.low, each.high, each.mean))
        plot.area(low, high, colour[name])
        plot.line(mean, colour[name], width=2)
        for begins in stage_marks(arms[name]):
            plot.line([(begins, y.low), (begins, y.high)], "#888888", width=1, dash="3 3")
        plot.heading(name, colour[name])
        plots.append(plot)
    return panels("each arm's seeds against the reference", plots, 4)


def stage_marks(row: dict[str, Any]) -> list[float]:
    """The charged FLOPs at which an arm's later stages begin, mean of its seeds; none for an arm that has none."""
    seeds = [each["stages"][1:] for each in finished(row) if "stages" in each]
    return [sum(each["begins"] for each in own) / len(own) for own in zip(*seeds, strict=True)]


def difference_chart(rows: Sequence[dict[str, Any]], colour: dict[str, str]) -> str:
    """A dot with its interval per contrast, against a line at no difference; hollow where none is shown."""
    ordered = sorted(rows, key=lambda row: -float(row["difference"]))
    ends = [100 * end for row in rows for end in row["interval"]]
    x = _around_zero(min([-1.0, *ends]), max([1.0, *ends]))
    y = Axis(len(ordered) - 0.4, -0.6, [(at, row["a"]) for at, row in enumerate(ordered)])
    height = 44 + 26 * len(ordered)
    plot = Plot("differences in accuracy, percentage points", x, y, width=_WIDTH, height=height, left=180, right=200)
    plot.line([(0, y.low), (0, y.high)], "#888888", width=1)
    for at, row in enumerate(ordered):
        tint = colour[row["a"]]
        plot.line([(100 * end, at) for end in row["interval"]], tint, width=2)
        plot.dot((100 * row["difference"], at), tint, points(row), 5, is_hollow=not shown(row))
        plot.note((x.high, at), points(row))
    return plot.svg()


def compute_chart(arms: dict[str, Any]) -> str:
    """Charged FLOPs by phase, mean of an arm's seeds, as bars."""
    spent: dict[str, dict[str, float]] = {}
    for name, row in arms.items():
        ledger, seeds = charged(row), len(_curves(row))
        spent[name] = {phase: ledger.flops(phase) / seeds for phase in ledger.phases if phase not in UNCHARGED}
    phases = dict.fromkeys(phase for each in spent.values() for phase, flops in each.items() if flops)
    return stacked("FLOPs by phase", spent, colours(phases), "FLOPs").svg()


def line_panels(found: Sequence[Panel], ends: tuple[float, float], label: str, unit: str = "%") -> str:
    """One small frame per panel, all with the same ``ends`` below and above; ``unit``: % for shares, g for numbers."""
    plots = []
    for panel in found:
        last = max([1e-9, *(x for line in panel.lines for x in line.xs)])
        plot = Plot(panel.title, Axis(0, last, [(last, panel.last)]), _ticked(*ends, 2, unit), **_SMALL)
        for mark in panel.marks:
            plot.line([(mark, ends[0]), (mark, ends[1])], _ALARM, width=1)
        for line in panel.lines:
            plot.line(list(zip(line.xs, line.ys, strict=True)), line.tint, width=1.3)
        plot.heading(panel.title, _ALARM if panel.marks else "")
        plots.append(plot)
    return panels(label, plots, 4)


def _curves(row: dict[str, Any]) -> list[list[tuple[float, float]]]:
    return [each["curve"] for each in finished(row)]


def _shares(shares: Sequence[float], most: int = 6) -> Axis:
    """An axis of percentages that holds the shares, from ten to ten."""
    low = math.floor(10 * min(shares)) / 10
    return _ticked(low, max(math.ceil(10 * max(shares)) / 10, low + 0.1), most, "%")


def _ticked(low: float, high: float, most: int, unit: str) -> Axis:
    step = max(0.05, round_step((high - low) or 1.0, most))
    ticks = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    told = [(tick * step, f"{100 * tick * step:.0f} %" if unit == "%" else f"{tick * step:g}") for tick in ticks]
    return Axis(low, high, told)


def _compute(longest: float, title: str = "", most: int = 6) -> Axis:
    """An axis of FLOPs that ends where the longest curve does."""
    return Axis(
        0, longest or 1.0, [tick for tick in amounts(longest, most_ticks=most).ticks if tick[0] <= longest], title
    )


def _around_zero(low: float, high: float) -> Axis:
    step = round_step(high - low, 6)
    ticks = range(math.ceil(low / step), math.floor(high / step) + 1)
    return Axis(low, high, [(tick * step, f"{tick * step:+g}" if tick else "0") for tick in ticks])
