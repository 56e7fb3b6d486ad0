"""Plots as plain SVG: axes, lines, bars, labels. A plot runs no script and loads nothing; texts are escaped.

Positions are in the units of the data; ``Plot`` turns them into those of the picture. Text takes its colour from the
page (or from ``standalone``), so that a plot reads on a light and on a dark ground.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from viewer.colours import SEQUENTIAL, mix

Point = tuple[float, float]

_LINE = 14  # height of a label
_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#55555f}"
    "@media(prefers-color-scheme:dark){text{fill:#a9a9b6}svg{background:#16161a}}"
)


@dataclass(frozen=True, slots=True)
class Axis:
    """From ``low`` to ``high``, with ``ticks`` as (position, label)."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    title: str = ""

    def share(self, value: float) -> float:
        """Where a value lies, 0 at ``low``, 1 at ``high``."""
        return (value - self.low) / (self.high - self.low or 1.0)


def amounts(largest: float, title: str = "", most_ticks: int = 6) -> Axis:
    """An axis from 0 that holds ``largest``, with ticks at round numbers (1, 2 or 5 times a power of ten)."""
    largest = largest or 1.0
    step = round_step(largest, most_ticks)
    count = math.ceil(round(largest / step, 9))
    return Axis(0, count * step, [(number * step, short(number * step)) for number in range(count + 1)], title)


def round_step(span: float, most: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that divides a span into at most so many."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * each for each in (1, 2, 5, 10, 20) if span / (power * each) <= most)


def short(amount: float) -> str:
    """An amount in a few characters: 0.5, 950, 12k, 3.4M, 2T."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if amount >= size:
            return f"{amount / size:.3g}{letter}"
    return f"{amount:.3g}"


def ordered_colours(count: int) -> list[str]:
    """Colours of things in an order, such as rounds; the last one is the strongest."""
    return [mix(SEQUENTIAL, 1 - at / max(1, count - 1)) for at in reversed(range(count))]


class Plot:
    """A picture with two axes. ``label`` says what is to be seen, for those who cannot."""

    def __init__(
        self, label: str, x: Axis, y: Axis, *, width: int = 720, height: int = 300, left: int = 46, right: int = 150
    ) -> None:
        self.label, self.width, self.height = label, width, height
        self._x, self._y = x, y
        self._left, self._right = left, width - right
        self._top, self._bottom = 14, height - (40 if x.title else 34)
        self._parts = self._frame()
        self._taken: list[float] = []

    def x(self, value: float) -> float:
        return self._left + (self._right - self._left) * self._x.share(value)

    def y(self, value: float) -> float:
        return self._bottom - (self._bottom - self._top) * self._y.share(value)

    def line(self, points: Sequence[Point], colour: str, *, width: float = 2.5, dash: str = "") -> None:
        """``dash``: lengths of ink and gap in turn, such as "5 4"; a whole line without."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        broken = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{broken} />')

    def area(self, low: Sequence[Point], high: Sequence[Point], colour: str) -> None:
        """A band between two lines."""
        outline = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in [*high, *reversed(low)])
        self._parts.append(f'<polygon points="{outline}" fill="{colour}" opacity=".22" />')

    def dot(self, at: Point, colour: str, title: str, radius: float = 3.5, *, is_hollow: bool = False) -> None:
        """``title`` shows when a pointer rests on it."""
        place = f'cx="{self.x(at[0]):.1f}" cy="{self.y(at[1]):.1f}" r="{radius:.1f}"'
        ink = (
            f'fill="none" stroke="{colour}" stroke-width="2" pointer-events="all"' if is_hollow else f'fill="{colour}"'
        )
        self._parts.append(f"<circle {place} {ink}><title>{escape(title)}</title></circle>")

    def whisker(self, x: float, ends: Sequence[float], colour: str) -> None:
        """An interval, upright."""
        low, high = (f"{self.y(end):.1f}" for end in ends)
        place = f'x1="{self.x(x):.1f}" x2="{self.x(x):.1f}" y1="{low}" y2="{high}"'
        self._parts.append(f'<line {place} stroke="{colour}" stroke-width="2" opacity=".4" />')

    def bar(self, corner: Point, opposite: Point, colour: str, title: str, opacity: float = 1.0) -> None:
        left, right = sorted((self.x(corner[0]), self.x(opposite[0])))
        top, bottom = sorted((self.y(corner[1]), self.y(opposite[1])))
        place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"'
        faint = "" if opacity == 1 else f' opacity="{opacity:g}"'
        self._parts.append(f'<rect {place} fill="{colour}"{faint}><title>{escape(title)}</title></rect>')

    def note(self, at: Point, text: str, anchor: str = "start") -> None:
        """A word at a place, a little to its right."""
        place = f'x="{self.x(at[0]) + (6 if anchor == "start" else 0):.1f}" y="{self.y(at[1]) + 4:.1f}"'
        self._parts.append(f'<text {place} text-anchor="{anchor}">{escape(text)}</text>')

    def name(self, text: str, colour: str, y: float | None = None, x: float | None = None, dash: str = "") -> None:
        """A series' name right of the picture: level with its end at ``y``, or in a list from the top down.

        With ``x`` too a thin line leads from that end to the name, which bears a piece of the series' own line.
        """
        height = free_height(self._top + 6 if y is None else self.y(y), self._taken)
        self._taken.append(height)
        mark = f'<rect x="{self._right + 10}" y="{height - 5:.1f}" width="10" height="10" fill="{colour}" />'
        if x is not None and y is not None:
            broken = f' stroke-dasharray="{dash}"' if dash else ""
            lead = f'x1="{self.x(x) + 4:.1f}" y1="{self.y(y):.1f}" x2="{self._right + 4}" y2="{height:.1f}"'
            piece = f'x1="{self._right + 4}" y1="{height:.1f}" x2="{self._right + 22}" y2="{height:.1f}"'
            mark = (
                f'<line {lead} stroke="{colour}" stroke-width=".7" opacity=".5" />'
                f'<line {piece} stroke="{colour}" stroke-width="2.5"{broken} />'
            )
        self._parts.append(f'{mark}<text x="{self._right + 25}" y="{height + 4:.1f}">{escape(text)}</text>')

    def heading(self, text: str, colour: str = "") -> None:
        """A word above the picture, for one of several."""
        ink = f' style="fill:{colour}"' if colour else ""
        self._parts.append(f'<text x="{self._left}" y="10" font-weight="600"{ink}>{escape(text)}</text>')

    def svg(self) -> str:
        """The picture, longer where the names need more room than the frame."""
        return _svg(
            self.label, self.width, max([self.height, *(math.ceil(at + 10) for at in self._taken)]), self._parts
        )

    def group(self, x: int, y: int) -> str:
        """The picture as a part of a larger one."""
        return f'<g transform="translate({x} {y})">{"".join(self._parts)}</g>'

    def _frame(self) -> list[str]:
        parts = []
        for value, text in self._y.ticks:
            height = f"{self.y(value):.1f}"
            place = f'x1="{self._left}" x2="{self._right}" y1="{height}" y2="{height}"'
            parts.append(f'<line {place} stroke="#9994" />')
            parts.append(_text(self._left - 6, self.y(value) + 4, text, "end"))
        parts += [_text(self.x(value), self._bottom + 18, text) for value, text in self._x.ticks]
        if self._x.title:
            parts.append(_text((self._left + self._right) / 2, self.height - 4, self._x.title))
        return parts


def stacked(label: str, parts: Mapping[str, Mapping[str, float]], colours: Mapping[str, str], unit: str) -> Plot:
    """A lying bar for each row of ``parts``, its parts side by side; a part that is nowhere is not named."""
    names = list(parts)
    totals = {name: sum(found.values()) for name, found in parts.items()}
    rows = Axis(len(names) - 0.4, -0.6, list(enumerate(names)))
    shown = [each for each in colours if any(found.get(each) for found in parts.values())]
    height = 70 + max(22 * len(names), _LINE * len(shown))
    left = 20 + max(56, round(6.6 * max(map(len, names))))
    plot = Plot(label, amounts(1.08 * max(totals.values()), unit), rows, height=height, left=left, right=170)
    for at, (name, found) in enumerate(parts.items()):
        start = 0.0
        for each, colour in colours.items():
            if amount := found.get(each, 0):
                title = f"{name}, {each}: {amount:,.10g} {unit}"
                plot.bar((start, at - 0.36), (start + amount, at + 0.36), colour, title)
                start += amount
        plot.note((start, at), short(start))
    for each in shown:
        plot.name(each, colours[each])
    return plot


def panels(label: str, plots: Sequence[Plot], columns: int) -> str:
    """Plots of one size side by side, row after row."""
    width, height = plots[0].width, plots[0].height
    parts = [plot.group(at % columns * width, at // columns * height) for at, plot in enumerate(plots)]
    return _svg(label, width * min(columns, len(plots)), height * math.ceil(len(plots) / columns), parts)


def standalone(svg: str) -> str:
    """A plot as a file of its own, which brings its own style."""
    return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        ">", f"><style>{_STYLE}</style>", 1
    )


def free_height(wanted: float, taken: Sequence[float]) -> float:
    """The place nearest below ``wanted`` where a label hides no other."""
    while any(abs(wanted - other) < _LINE for other in taken):
        wanted += _LINE
    return wanted


def _svg(label: str, width: int, height: int, parts: Sequence[str]) -> str:
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">{inside}</svg>'


def _text(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
