"""A run's trees in the terminal: the first ones in a list, those of one problem, two runs or rounds compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evolve.run_trees import FoundTree, first_trees, listing, path_of, tree_files, trees_of
from mcts.storage import read_trees
from mcts.tree import SearchTree
from tasks.errors import UserError
from viewer.diff import align
from viewer.diff_text import changes, moved, summary
from viewer.text import render_tree, visible

Side = tuple[Path, int | None]
"""A run and one of its rounds; None: the latest with trees."""


@dataclass(frozen=True, slots=True)
class Look:
    """How much of a tree is shown. ``path``: ``best``, or the number of a node as text."""

    depth: int | None
    min_visits: int
    path: str


def list_trees(root: Path, round_number: int | None, limit: int, console: Console) -> None:
    """The first trees of a round (by default the latest), a row each."""
    number, files = tree_files(root, round_number)
    console.print(listing(first_trees(files, limit), f"{root}, round {number}: the first trees"))
    more = f"look at one: python -m scripts.show_tree {root} --round {number} --problem ID"
    console.print(more, style="dim", highlight=False, soft_wrap=True)


def show_problem(root: Path, round_number: int | None, problem_id: str, look: Look, console: Console) -> None:
    """Every tree of a problem in a round (by default the latest)."""
    number, files = tree_files(root, round_number)
    found = trees_of(files, problem_id)
    for each, path in [(each, path_of(look.path, each)) for each in found]:
        console.print(f"round {number}, {each.source}", style="dim", highlight=False)
        console.print(render_tree(each.tree, look.depth, look.min_visits, path), soft_wrap=not console.is_terminal)


def compare_problem(sides: list[Side], problem_id: str, limit: int, console: Console) -> None:
    """What changed between two sides' first trees of a problem; at most ``limit`` steps of each kind."""
    opened = [tree_files(*side) for side in sides]
    first, second = (trees_of(files, problem_id)[0] for _, files in opened)
    found = align(first.tree, second.tree)
    for (root, _), (number, _), each in zip(sides, opened, (first, second), strict=True):
        console.print(f"{root}, round {number}, {each.source}", style="dim", highlight=False, soft_wrap=True)
    console.print(summary(found), highlight=False, soft_wrap=True)
    if found.appeared or found.vanished or moved(found):
        console.print(changes(first.tree, second.tree, found, limit))


def compare_all(sides: list[Side], limit: int, console: Console) -> None:
    """The first problems that two sides share: solved before and after, Q, and how many steps changed."""
    (number, files), (other, others) = (tree_files(*side) for side in sides)
    title = f"{sides[0][0]}, round {number}, and {sides[1][0]}, round {other}"
    table = Table(title=Text(title), box=box.SIMPLE_HEAD)
    for column in ("problem", "solved", "Q", "in both", "appeared", "vanished", "moved"):
        is_text = column in ("problem", "solved")
        table.add_column(column, justify="left" if is_text else "right", no_wrap=column != "problem", overflow="fold")
    for first, second in _shared(files, others, limit):
        table.add_row(*_compared(first, second))
    if not table.row_count:
        raise UserError(f"{title} share no problem among the first {limit}; raise --limit")
    console.print(table)


def _shared(files: list[Path], others: list[Path], limit: int) -> Iterator[tuple[SearchTree, SearchTree]]:
    """The first tree of each of the first ``limit`` problems on both sides, in the order of the first side."""
    first: dict[str, FoundTree] = {}
    for each in first_trees(files, limit):
        first.setdefault(each.tree.problem.id, each)
    second: dict[str, SearchTree] = {}
    for path in others:
        for tree in read_trees(path):
            if tree.problem.id in first:
                second.setdefault(tree.problem.id, tree)
        if len(second) == len(first):
            break
    for name, each in first.items():
        if name in second:
            yield each.tree, second[name]


def _compared(first: SearchTree, second: SearchTree) -> list[str | Text]:
    found = align(first, second)
    solved = " → ".join("yes" if tree.solved else "no" for tree in (first, second))
    counts = len(found.matches) - 1, len(found.appeared), len(found.vanished), len(moved(found))
    return [
        Text(visible(first.problem.id)),
        solved,
        f"{first.q(0):+.2f} → {second.q(0):+.2f}",
        *map(str, counts),
    ]
