"""What a judgement found in files and on the terminal: ``NAME.json``, ``NAME.md``, ``NAME.html``, its plots as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from evolve.plots import Plot, standalone
from evolve.report_html import page, table, wide
from tasks.durable import write_json_atomic, write_text_atomic

TableText = tuple[str, list[str], list[list[str]]]
"""Title, head, rows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What people read: sentences, tables, plots by file name, and how the figures were made."""

    sentences: Sequence[str]
    tables: Sequence[TableText]
    plots: Mapping[str, Plot]
    how: str


def write_pages(folder: Path, name: str, title: str, found: dict[str, Any], shown: Shown) -> None:
    """Write all files, each whole or not at all; what stands there is replaced."""
    plots = {file: plot.svg() for file, plot in shown.plots.items()}
    write_json_atomic(folder / f"{name}.json", found)
    for file, svg in plots.items():
        write_text_atomic(folder / f"{file}.svg", standalone(svg) + "\n")
    write_text_atomic(folder / f"{name}.md", markdown_of(title, shown))
    write_text_atomic(folder / f"{name}.html", html_of(title, shown, plots))


def for_console(tables: Sequence[TableText]) -> list[Table]:
    """The tables for a terminal."""
    made = []
    for title, head, rows in tables:
        shown = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
        for number, name in enumerate(head):
            shown.add_column(name, justify="right" if number else "left", no_wrap=not number)
        for row in rows:
            shown.add_row(*map(Text, row))  # a model's text is no markup
        made.append(shown)
    return made


def number_text(value: float | None) -> str:
    """A figure in a table."""
    return "-" if value is None else f"{value:.4f}"


def ends_text(interval: Sequence[float] | None, times: float = 1) -> str:
    """The ends of an interval in a table, as shares or (``times`` = 100) in per cent."""
    return "-" if interval is None else " to ".join(f"{times * end:.{1 if times > 1 else 4}f}" for end in interval)


def markdown_of(title: str, shown: Shown) -> str:
    """The page in Markdown; its plots are files beside it."""
    lines = [f"# {title}", "", *(f"- {_cell(sentence)}" for sentence in shown.sentences), ""]
    for name, head, rows in shown.tables:
        lines += [f"## {name}", "", f"| {' | '.join(map(_cell, head))} |", "|" + "---|" * len(head)]
        lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
        lines.append("")
    lines += [f"![{name}]({name}.svg)\n" for name in shown.plots]
    return "\n".join([*lines, shown.how, ""])


def html_of(title: str, shown: Shown, plots: Mapping[str, str]) -> str:
    """The page as one HTML file; ``plots`` are SVG."""
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in shown.sentences)
    parts = [f"<ul>{said}</ul>", *map(wide, plots.values())]
    parts += [f"<h2>{escape(name)}</h2>{table(head, rows)}" for name, head, rows in shown.tables]
    return page(title, "".join(parts) + f"<p>{escape(shown.how)}</p>")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
