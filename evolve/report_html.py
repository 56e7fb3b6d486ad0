"""``report.html``: the run on one page that needs no network and runs no script."""

from __future__ import annotations

from html import escape
from typing import Any

from evolve.report_text import COLUMNS, findings, table_cells

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:.35rem .6rem;border-bottom:1px solid #d8d8de;text-align:right}
th:nth-child(2),td:nth-child(2){text-align:left}
svg{width:100%;height:auto;max-height:22rem}
text{font:12px system-ui,sans-serif;fill:#55555f}
@media(prefers-color-scheme:dark){body{background:#16161a;color:#e8e8ee}th,td{border-color:#3a3a44}text{fill:#a9a9b6}}
"""
_SERIES = (
    ("greedy", "#2f6fde"),
    ("sampled", "#7a8699"),
    ("search", "#c2410c"),
    ("coverage", "#15803d"),
    ("ppm_pair_accuracy", "#8b5cf6"),
)
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 300, 46, 150, 14, 34


def html_report(name: str, summary: dict[str, Any]) -> str:
    """The page: findings, the table of rounds, accuracy by round."""
    head = "".join(f"<th>{escape(column)}</th>" for column in COLUMNS)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in table_cells(row)) + "</tr>" for row in summary["rounds"]
    )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in findings(summary))
    return page(
        f"Run {name}",
        f"<ul>{said}</ul>{_chart(summary['rounds'])}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>",
    )


def page(title: str, body: str, style: str = "") -> str:
    """A whole page that loads nothing and runs nothing. ``title`` is text, ``body`` markup, ``style`` further CSS."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}{style}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>\n"
    )


def _chart(rounds: list[dict[str, Any]]) -> str:
    """Shares by round as lines."""
    span = max(1, len(rounds) - 1)

    def x(number: int) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * number / span

    def y(share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - share)

    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="shares by round">']
    for tick in (0, 25, 50, 75, 100):
        height = y(tick / 100)
        parts.append(f'<line x1="{_LEFT}" x2="{x(span)}" y1="{height}" y2="{height}" stroke="#9994" />')
        parts.append(f'<text x="{_LEFT - 6}" y="{height + 4}" text-anchor="end">{tick} %</text>')
    for row in rounds:
        label = "cold start" if row["round"] == 0 else f"round {row['round']}"
        parts.append(f'<text x="{x(row["round"]):.1f}" y="{_HEIGHT - 12}" text-anchor="middle">{label}</text>')
    labels: list[float] = []
    for name, colour in _SERIES:
        points = [(x(row["round"]), y(row[name])) for row in rounds if row[name] is not None]
        if not points:
            continue
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5" />')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.5" fill="{colour}" />' for px, py in points]
        height = free_height(points[-1][1], labels)
        labels.append(height)
        text = name.replace("_", " ").replace("ppm", "PPM")
        parts.append(f'<text x="{x(span) + 10:.1f}" y="{height + 4:.1f}" style="fill:{colour}">{text}</text>')
    return "".join([*parts, "</svg>"])


def free_height(wanted: float, taken: list[float]) -> float:
    """The place nearest below ``wanted`` where a label hides no other."""
    while any(abs(wanted - other) < 14 for other in taken):
        wanted += 14
    return wanted
