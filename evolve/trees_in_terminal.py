"""A run's trees in the terminal: the first ones in a list, or those of one problem."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from evolve.problem_trees import trees_of
from evolve.run_trees import first_trees, listing, part_of, path_of, tree_files
from evolve.tree_scores import TreeScores
from viewer.text import legend, render_tree

PATH_MARK = "» "
"""Stands before the steps of the path where nothing can be set in bold."""


_WIDEST = 100_000


@dataclass(frozen=True, slots=True)
class Look:
    """How much of a tree is shown. ``path``: ``best``, or the number of a node as text."""

    depth: int | None
    min_visits: int
    path: str


def list_trees(root: Path, round_number: int | None, limit: int, console: Console) -> None:
    """The first trees of a round (by default the latest), a row each."""
    number, files = tree_files(root, round_number)
    console.print(listing(first_trees(files, limit), f"{root}, {part_of(root)} {number}: the first trees"))
    more = f"look at one: python -m scripts.show_tree {root} --round {number} --problem ID"
    console.print(more, style="dim", highlight=False, soft_wrap=True)


def show_problem(root: Path, round_number: int | None, problem_id: str, look: Look, console: Console) -> None:
    """Every tree of a problem in a round (by default the latest that has one), and what the figures are."""
    number, found = trees_of(root, problem_id, round_number)
    mark, scores = PATH_MARK if console.color_system is None else "", TreeScores(root)
    if not console.is_terminal:
        console.width = _WIDEST  # a line is as long as it must be: nothing is cut off
    for each, path in [(each, path_of(look.path, each)) for each in found]:
        console.print(f"{part_of(root)} {number}, {each.source}", style="dim", highlight=False)
        drawn = render_tree(each.tree, look.depth, look.min_visits, path, mark, scores.of(each.tree, number))
        console.print(drawn)
    console.print(legend([each.tree for each in found], mark), style="dim", highlight=False)
