"""What changed between two trees of a problem, for the terminal: the list that the page's comparison shows."""

from __future__ import annotations

from rich import box
from rich.table import Table
from rich.text import Text

from mcts.tree import SearchTree
from viewer.diff import Match, TreeDiff
from viewer.text import visible

MOVED = 0.2
"""By how much Q must differ for a step to have moved; the page has the same number."""


def moved(found: TreeDiff) -> list[Match]:
    """The steps in both trees whose Q moved, the farthest first."""
    far = [match for match in found.matches if match.first and match.d_q is not None and abs(match.d_q) >= MOVED]
    return sorted(far, key=lambda match: (-abs(match.d_q or 0.0), match.first))


def summary(found: TreeDiff) -> str:
    """One line: how many steps of each kind."""
    return (
        f"{len(found.vanished)} steps vanished, {len(found.appeared)} appeared, {len(moved(found))} moved by at least "
        f"{MOVED} in Q, {len(found.matches) - 1} are in both"
    )


def changes(first: SearchTree, second: SearchTree, found: TreeDiff, most: int) -> Table:
    """The steps that moved, appeared or vanished, with their Q in either tree; at most ``most`` of each kind."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("", "step", "node, before", "node, after", "Q before", "Q after"):
        table.add_column(column, justify="left" if column in ("", "step") else "right", overflow="fold")
    for match in moved(found)[:most]:
        _row(table, "moved", first, match.first, second, match.second)
    for node in found.appeared[:most]:
        _row(table, "appeared", None, None, second, node)
    for node in found.vanished[:most]:
        _row(table, "vanished", first, node, None, None)
    return table


def _row(
    table: Table, what: str, first: SearchTree | None, a: int | None, second: SearchTree | None, b: int | None
) -> None:
    sides = [(tree, node) for tree, node in ((first, a), (second, b)) if tree is not None and node is not None]
    tree, node = sides[-1]
    step = Text(visible(tree.step(node).text.rstrip("\n")) or "(empty)")
    numbers = ["-" if node is None else f"#{node}" for node in (a, b)]
    table.add_row(what, step, *numbers, _q(first, a), _q(second, b))


def _q(tree: SearchTree | None, node: int | None) -> str:
    return "-" if tree is None or node is None or not tree.visits[node] else f"{tree.q(node):+.2f}"
