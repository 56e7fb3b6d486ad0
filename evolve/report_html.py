"""``report.html``: the run on one page that needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from evolve.plots_run import Figure
from evolve.report_text import COLUMNS, CRITICAL_COLUMNS, critical_cells, findings, table_cells
from viewer.text import visible

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;background:#fff}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;width:100%}
th,td{padding:.35rem .6rem;border-bottom:1px solid #d8d8de;text-align:right}
th:nth-child(2),td:nth-child(2){text-align:left}
svg{width:100%;height:auto;max-height:22rem}
.wide{overflow-x:auto}.wide svg{display:block;max-height:none;max-width:45rem;min-width:34rem}
li,figcaption,p{overflow-wrap:anywhere}
text{font:12px system-ui,sans-serif;fill:#55555f}
@media(prefers-color-scheme:dark){body{background:#16161a;color:#e8e8ee}th,td{border-color:#3a3a44}text{fill:#a9a9b6}}
"""
_FIGURES = """
figure{margin:2.2rem 0}figure h2{font-size:1.1rem;margin:0 0 .4rem}
figcaption{font-size:.85rem;max-width:45rem;opacity:.8;margin-top:.4rem}
table.steps{font-size:.85rem}table.steps :is(th,td){text-align:left}table.steps td:last-child{font-family:monospace}
"""


def html_report(
    name: str, summary: dict[str, Any], figures: Sequence[Figure] = (), critical: Sequence[dict[str, Any]] = ()
) -> str:
    """The page: findings, the first figure, the table of rounds, the other figures, the most critical steps."""
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in findings(summary))
    shown = [_figure(figure) for figure in figures]
    rounds = table(COLUMNS, [table_cells(row) for row in summary["rounds"]])
    body = [f"<ul>{said}</ul>", *shown[:1], rounds, *shown[1:]]
    if critical:
        rows = [[*critical_cells(row), visible(row["text"].rstrip("\n"))] for row in critical]
        body += ["<h2>Most critical steps</h2>", table([*CRITICAL_COLUMNS, "step"], rows, "steps")]
    return page(f"Run {name}", "".join(body), _FIGURES)


def page(title: str, body: str, style: str = "") -> str:
    """A whole page that loads nothing and runs nothing. ``title`` is text, ``body`` markup, ``style`` further CSS."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}{style}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>\n"
    )


def _figure(figure: Figure) -> str:
    title, caption = escape(figure.title), escape(figure.caption)
    return f'<figure id="{figure.name}"><h2>{title}</h2>{wide(figure.svg)}<figcaption>{caption}</figcaption></figure>'


def wide(markup: str) -> str:
    """A picture or table that scrolls in a box of its own where the page is too narrow for it."""
    return f'<div class="wide">{markup}</div>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    """Cells are text; ``kind`` is a class for the style."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    name = f' class="{kind}"' if kind else ""
    return wide(f"<table{name}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>")
