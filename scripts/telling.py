"""How programs that judge tell what they found: sentences, tables, and where the files are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich is imported when there is something to tell: --help is quick
    from rich.console import Console, RenderableType


def wide_console(columns: int) -> Console:
    """A console of so many columns where there is no terminal: rich would take 80, in which numbers are cut."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=columns)


def tell(sentences: Iterable[str], tables: Iterable[RenderableType], written: Iterable[str], columns: int) -> None:
    """Print them. Sentences may hold what a model wrote, so they are text and never markup."""
    console = wide_console(columns)
    for sentence in sentences:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)
    for table in tables:
        console.print(table)
    for each in written:
        console.print(f"written: {each}", highlight=False, markup=False, soft_wrap=True)
