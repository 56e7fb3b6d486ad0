"""The pictures of a comparison as inline SVG: curves with bands, differences, where compute went, small frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from compare.claims import points, shown
from compare.curves import band
from compare.ledger import UNCHARGED
from compare.summary import charged, finished
from compare.verdict import amount
from evolve.plots import free_height

COLOURS = (
    "#2f6fde", "#c2410c", "#15803d", "#8b5cf6", "#0891b2", "#d97706", "#c026d3", "#dc2626", "#4d7c0f", "#0f766e",
    "#a16207", "#6366f1", "#be185d", "#94700a", "#65758b",
)  # fmt: skip
_GRID = "#9994"
_WIDTH = 900


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of a picture in which data are drawn; ``right`` and ``top`` are the data's ends there."""

    left: float
    upper: float
    width: float
    height: float
    right: float
    bottom: float
    top: float

    def x(self, value: float) -> float:
        return self.left + self.width * value / (self.right or 1.0)

    def y(self, value: float) -> float:
        return self.upper + self.height * (1 - (value - self.bottom) / ((self.top - self.bottom) or 1.0))


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
    low, high = _limits([value for each in bands.values() for value in each.mean])
    longest = max(each.compute[-1] for each in bands.values())
    labels = {name: f"{name} {100 * row['mean']:.1f} %" for name, row in arms.items()}
    frame = Frame(56, 12, _WIDTH - 76 - 7.2 * max(map(len, labels.values())), 330, longest, low, high)
    parts = [*_rows(frame), *_columns(frame)]
    taken: list[float] = []
    for name in sorted(bands, key=lambda name: -bands[name].mean[-1]):
        each = bands[name]
        broken = ' stroke-dasharray="6 4"' if name in ceilings else ""
        path = _path(frame, [*each.compute, longest], [*each.mean, each.mean[-1]])
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour[name]}" stroke-width="2"{broken} />')
        end = frame.y(each.mean[-1])
        taken.append(free_height(end, taken))
        parts.append(_text(frame.left + frame.width + 10, taken[-1] + 4, labels[name], fill=colour[name]))
    height = max([frame.upper + frame.height + 40, *(place + 8 for place in taken)])
    return _svg(height, "accuracy against charged compute", parts)


def band_panels(arms: dict[str, Any], colour: dict[str, str], reference: str | None) -> str:
    """One small frame per arm: mean and range of its seeds, with the reference's mean in grey."""
    bands = {name: band(_curves(row)) for name, row in arms.items()}
    low, high = _limits([value for each in bands.values() for value in (*each.low, *each.high)])
    right = max(each.compute[-1] for each in bands.values())
    parts: list[str] = []
    names = [name for name in bands if len(_curves(arms[name])[0]) > 1]
    for index, name in enumerate(names):
        frame = Frame(56 + 222 * (index % 4), 22 + 150 * (index // 4), 170, 105, right, low, high)
        each = bands[name]
        parts += _rows(frame, 3)
        if reference in bands and reference != name:
            grey = bands[reference]
            path = _path(frame, grey.compute, grey.mean)
            parts.append(f'<polyline points="{path}" fill="none" stroke="#8888" stroke-width="1.5" />')
        outline = f"{_path(frame, each.compute, each.high)} {_path(frame, each.compute[::-1], each.low[::-1])}"
        parts.append(f'<polygon points="{outline}" fill="{colour[name]}" opacity=".22" />')
        path = _path(frame, each.compute, each.mean)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour[name]}" stroke-width="2" />')
        parts.append(_text(frame.left, frame.upper - 7, name, fill=colour[name]))
    return _svg(150 * math.ceil(len(names) / 4), "each arm's seeds against the reference", parts)


def difference_chart(rows: Sequence[dict[str, Any]], colour: dict[str, str]) -> str:
    """A dot with its interval per contrast, against a line at no difference; hollow where none is shown."""
    ends = [end for row in rows for end in row["interval"]]
    low, high = min([-0.01, *ends]), max([0.01, *ends])
    bottom = 10 + 26 * len(rows)
    frame = Frame(180, 4, _WIDTH - 380, bottom - 4, 1.0, 0.0, 1.0)

    def x(value: float) -> float:
        return frame.x((value - low) / (high - low))

    step = _step(high - low, 6)
    parts = []
    for tick in range(math.ceil(low / step), math.floor(high / step) + 1):
        tint = _GRID if tick else "#888"
        place = f'x1="{x(tick * step):.1f}" x2="{x(tick * step):.1f}"'
        parts.append(f'<line {place} y1="4" y2="{bottom}" stroke="{tint}" />')
        parts.append(_text(x(tick * step), bottom + 16, f"{100 * tick * step:+g}" if tick else "0", "middle"))
    for index, row in enumerate(sorted(rows, key=lambda row: -float(row["difference"]))):
        y, tint = 20 + 26 * index, colour[row["a"]]
        left, right = (f"{x(end):.1f}" for end in row["interval"])
        place = f'cx="{x(row["difference"]):.1f}" cy="{y}" r="5"'
        parts.append(_text(frame.left - 12, y + 4, row["a"], "end"))
        parts.append(f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{tint}" stroke-width="2" />')
        parts.append(f'<circle {place} fill="{tint if shown(row) else "none"}" stroke="{tint}" stroke-width="2" />')
        parts.append(_text(frame.left + frame.width + 16, y + 4, points(row)))
    return _svg(bottom + 28, "differences in accuracy, percentage points", parts)


def compute_chart(arms: dict[str, Any]) -> str:
    """Charged FLOPs by phase, mean of an arm's seeds, as bars."""
    spent: dict[str, dict[str, float]] = {}
    for name, row in arms.items():
        ledger, seeds = charged(row), len(_curves(row))
        spent[name] = {phase: ledger.flops(phase) / seeds for phase in ledger.phases if phase not in UNCHARGED}
    phases = list(dict.fromkeys(phase for each in spent.values() for phase, flops in each.items() if flops))
    tint = colours(phases)
    longest = max([1.0, *(sum(each.values()) for each in spent.values())])
    left, width = 180.0, _WIDTH - 320.0
    parts, place = [], left
    for phase in phases:
        parts.append(f'<rect x="{place:.1f}" y="2" width="11" height="11" fill="{tint[phase]}" />')
        parts.append(_text(place + 16, 12, phase))
        place += 34 + 7.2 * len(phase)
    for index, (name, each) in enumerate(spent.items()):
        y, start = 26 + 24 * index, left
        parts.append(_text(left - 12, y + 12, name, "end"))
        for phase, flops in each.items():
            long = width * flops / longest
            title = f"<title>{escape(phase)}: {amount(flops)} FLOPs</title>"
            box = f'x="{start:.1f}" y="{y}" width="{long:.1f}" height="16"'
            parts.append(f'<rect {box} fill="{tint.get(phase, "#888")}">{title}</rect>')
            start += long
        parts.append(_text(start + 8, y + 12, amount(sum(each.values()))))
    return _svg(30 + 24 * len(spent), "FLOPs by phase", parts)


def line_panels(panels: Sequence[Panel], ends: tuple[float, float], label: str, unit: str = "%") -> str:
    """One small frame per panel, all with the same ``ends`` below and above; ``unit``: % for shares, g for numbers."""
    parts: list[str] = []
    for index, panel in enumerate(panels):
        last = max([1e-9, *(x for line in panel.lines for x in line.xs)])
        frame = Frame(56 + 222 * (index % 4), 22 + 150 * (index // 4), 170, 105, last, *ends)
        parts += [*_rows(frame, 2, unit), _text(frame.left + frame.width, frame.upper + 119, panel.last, "end")]
        for mark in panel.marks:
            place = f'x1="{frame.x(mark):.1f}" x2="{frame.x(mark):.1f}"'
            parts.append(f'<line {place} y1="{frame.upper}" y2="{frame.upper + 105}" stroke="#dc2626" opacity=".7" />')
        for line in panel.lines:
            path = _path(frame, line.xs, line.ys)
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{line.tint}" stroke-width="1.3" opacity=".75" />'
            )
        parts.append(_text(frame.left, frame.upper - 7, panel.title, fill="#dc2626" if panel.marks else ""))
    return _svg(150 * math.ceil(len(panels) / 4), label, parts)


def _curves(row: dict[str, Any]) -> list[list[tuple[float, float]]]:
    return [each["curve"] for each in finished(row)]


def _limits(shares: Sequence[float]) -> tuple[float, float]:
    return math.floor(10 * min(shares)) / 10, max(
        math.ceil(10 * max(shares)) / 10, math.floor(10 * min(shares)) / 10 + 0.1
    )


def _step(span: float, most: int) -> float:
    """A round step that divides a span into at most so many."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= most)


def _rows(frame: Frame, most: int = 6, unit: str = "%") -> list[str]:
    step = max(0.05, _step(frame.top - frame.bottom, most))
    parts = []
    for tick in range(math.ceil(frame.bottom / step - 1e-9), math.floor(frame.top / step + 1e-9) + 1):
        y = frame.y(tick * step)
        ends = f'x1="{frame.left}" x2="{frame.left + frame.width}" y1="{y:.1f}" y2="{y:.1f}"'
        told = f"{100 * tick * step:.0f} %" if unit == "%" else f"{tick * step:g}"
        parts.append(f'<line {ends} stroke="{_GRID}" />{_text(frame.left - 6, y + 4, told, "end")}')
    return parts


def _columns(frame: Frame) -> list[str]:
    step = _step(frame.right, 6) if frame.right > 0 else 1.0
    lower = frame.upper + frame.height
    ticks = range(math.floor(frame.right / step) + 1) if frame.right > 0 else range(1)
    parts = [_text(frame.x(tick * step), lower + 17, amount(tick * step), "middle") for tick in ticks]
    return [*parts, _text(frame.left + frame.width / 2, lower + 34, "charged FLOPs per seed", "middle")]


def _path(frame: Frame, xs: Iterable[float], ys: Iterable[float]) -> str:
    return " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in zip(xs, ys, strict=True))


def _text(x: float, y: float, text: str, anchor: str = "start", fill: str = "") -> str:
    style = f' style="fill:{fill}"' if fill else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(text)}</text>'


def _svg(height: float, label: str, parts: Iterable[str]) -> str:
    head = f'<svg viewBox="0 0 {_WIDTH} {math.ceil(height)}" role="img" aria-label="{escape(label)}">'
    return head + "".join(parts) + "</svg>"
