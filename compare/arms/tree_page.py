"""``trees.md``: a few search trees as people read them."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from itertools import islice
from pathlib import Path

from rich.console import Console

from mcts.tree import SearchTree
from tasks.durable import write_text_atomic
from viewer.text import render_tree

_SHOWN = 4
_WIDTH = 110  # characters a line
_MIN_VISITS = 2  # of a step that is shown where there are many


def write_tree_page(path: Path, trees: Iterable[SearchTree]) -> None:
    """The first trees as text: each step with its visits, its Q and the verdict where a solution ends."""
    parts = [
        "# Search trees of the first problems\n\nN: visits of a step, Q: how solutions through it ended, from -1 to 1. "
        "Steps visited once are counted, not shown, unless they lie on the best path.\n"
    ]
    for tree in islice(trees, _SHOWN):
        # Indented, so that nothing a model wrote is read as markup.
        lines = "".join(f"    {line}".rstrip() + "\n" for line in _text(tree).splitlines())
        parts.append(f"\n## {tree.problem.id} (answer {tree.problem.answer})\n\n{lines}")
    write_text_atomic(path, "".join(parts))


def _text(tree: SearchTree) -> str:
    console = Console(file=StringIO(), width=_WIDTH, color_system=None, force_terminal=False)
    console.print(render_tree(tree, min_visits=_MIN_VISITS))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()
