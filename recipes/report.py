"""What recipes came to, for people: REPORT.md of one, and the list of all."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.table import Table

from evolve.report_text import between, percent
from recipes.recipe import Recipe, Size
from recipes.results import Figure, Result
from tasks.durable import write_text_atomic

_REPORTS = ("REPORT.md", "eval.md", "prm.json")
NOT_RUN = "not run yet"


def shown(figure: Figure) -> str:
    """A share with its interval; a number above 1 counts something, such as FLOPs."""
    if figure.value > 1:
        return f"{figure.value:.2e}"
    return percent(figure.value) + (f" ({between(figure.interval)})" if figure.interval else "")


def verdict(result: Result) -> str:
    """Whether the end beats the start, in a sentence."""
    gain = 100 * (result.number.value - result.start.value)
    if result.is_better:
        return f"The end beats the start by {gain:.1f} points."
    return f"The end does not beat the start ({gain:+.1f} points)."


def status(recipe: Recipe, result: Result | None) -> str:
    """Where a recipe stands: not run yet, measured, or measured with other commands than it has now."""
    if result is None:
        return NOT_RUN
    return "measured" if result.digest == recipe.digest() else "changed since it was measured"


def write_report(folder: Path, recipe: Recipe, size: Size, result: Result) -> None:
    """``REPORT.md`` in the recipe's folder."""
    tiny = "\nThis is the tiny size, which shows that the stages work. Its numbers mean nothing.\n"
    lines = [
        f"# {recipe.title}",
        "",
        f"Recipe `{recipe.name}`, arXiv {recipe.paper}; {recipe.page} says what it does. Commit {result.commit}, "
        f"{result.date}.",
        "" if size is Size.LAB else tiny,
        "| | |",
        "|---|---|",
        f"| start | {shown(result.start)} |",
        f"| end | {shown(result.number)} |",
        *(f"| {name} | {shown(figure)} |" for name, figure in result.figures.items()),
        "",
        f"{verdict(result)} Intervals are 95 %.",
        "",
        f"![{recipe.title}]({recipe.chart})" if recipe.chart.endswith(".svg") else f"[Charts]({recipe.chart})",
        "",
        "| stage | seconds | command | report |",
        "|---|---|---|---|",
    ]
    for stage in recipe.stages:
        place = recipe.written(stage, size)
        reports = [place / name for name in _REPORTS if (place / name).is_file()]
        links = ", ".join(f"[{path.name}]({Path(os.path.relpath(path, folder)).as_posix()})" for path in reports)
        command = f"python {shlex.join(recipe.words(stage, size))}".replace("|", "\\|")
        lines.append(f"| {stage.name} | {result.seconds[stage.name]:.0f} | `{command}` | {links or '-'} |")
    write_text_atomic(folder / "REPORT.md", "\n".join(lines) + "\n")


def listing(recipes: Mapping[str, Recipe], results: Mapping[str, Result]) -> Table:
    """All recipes with what they last came to."""
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("recipe", "system", "status", "start", "end", "commit", "date"):
        table.add_column(name, overflow="fold")
    for name, recipe in recipes.items():
        result = results.get(name)
        told = [shown(result.start), shown(result.number), result.commit, result.date] if result else ["-"] * 4
        table.add_row(name, recipe.title, status(recipe, result), *told)
    return table
