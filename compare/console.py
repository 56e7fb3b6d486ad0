"""The end of a comparison as a terminal shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from compare.report_tables import arms_table
from compare.verdict import findings

_WIDTH = 160  # characters a line, where there is no terminal to ask


def print_results(results: dict[str, Any], folder: Path, console: Console) -> None:
    """The table of arms, what it shows, and where the rest is."""
    text = arms_table(results, brief=True)
    table = Table(box=box.SIMPLE_HEAD)
    for number, name in enumerate(text.head):
        table.add_column(name, justify="left" if number == 1 else "right")
    for row in text.rows:
        table.add_row(*row)
    if not console.is_terminal:
        console.width = _WIDTH
    console.print(table)
    for sentence in findings(results):
        console.print(f"- {sentence}", highlight=False, markup=False)
    shown = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    console.print(f"\nreport: {shown}/REPORT.md, {shown}/report.html", highlight=False, soft_wrap=True)
