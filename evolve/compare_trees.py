"""Two runs, or two rounds of one, compared in the terminal: by the problems they share, or step by step."""

from __future__ import annotations

from itertools import islice

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evolve.problem_trees import Place, Shared, Side, first_tree_of, shared_problems, trees_of
from evolve.run_trees import part_of
from mcts.tree import SearchTree
from tasks.errors import UserError
from viewer.diff import align
from viewer.diff_text import MOVED, changes, moved, summary
from viewer.text import visible

_COUNTED = f"steps in both trees, in the second alone (new), in the first alone (gone), moved by at least {MOVED} in Q"


def compare_problem(sides: tuple[Side, Side], problem_id: str, limit: int, console: Console) -> None:
    """What changed between two sides' first trees of a problem; at most ``limit`` steps of each kind."""
    found = [trees_of(root, problem_id, only_round) for root, only_round in sides]
    first, second = (each[0].tree for _, each in found)
    matched = align(first, second)
    for (root, _), (number, each) in zip(sides, found, strict=True):
        said = f"{root}, {part_of(root)} {number}, {each[0].source}"
        console.print(said, style="dim", highlight=False, soft_wrap=True)
    console.print(summary(matched), highlight=False, soft_wrap=True)
    if matched.appeared or matched.vanished or moved(matched):
        console.print(changes(first, second, matched, limit))


def compare_all(sides: tuple[Side, Side], limit: int, console: Console) -> None:
    """The first problems that two sides share: rounds, solved before and after, Q, and how many steps changed."""
    title, found = _names(sides), shared_problems(*sides)
    if not found.first:
        raise UserError(f"{title} share no problem{_other_prompts(found, '; ')}")
    table = Table(title=Text(f"{title}: problems of both"), box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("problem", min_width=12, overflow="fold")
    table.add_column(part_of(sides[0][0]), no_wrap=True)
    table.add_column("solved", no_wrap=True)
    for column in ("Q", "both", "new", "gone", "moved"):
        table.add_column(column, justify="right", no_wrap=True)
    names = list(islice(found.first, limit))
    first, second = (first_tree_of({name: places[name] for name in names}) for places in (found.first, found.second))
    for name in names:
        places = found.first[name], found.second[name]
        table.add_row(*_compared(places, first[name].tree, second[name].tree))
    console.print(table)
    console.print(_COUNTED, style="dim", highlight=False, soft_wrap=True)
    for line in (_more(len(names), len(found.first)), _other_prompts(found)):
        if line:
            console.print(line, style="dim", highlight=False, soft_wrap=True)


def _names(sides: tuple[Side, Side]) -> str:
    named = [str(root) if number is None else f"{root}, {part_of(root)} {number}" for root, number in sides]
    return (" and " if all(number is None for _, number in sides) else ", and ").join(named)


def _more(shown: int, shared: int) -> str:
    return f"{shown} of the {shared} problems that both have; --limit {shared} lists all" if shown < shared else ""


def _other_prompts(found: Shared, before: str = "") -> str:
    count = len(found.others)
    said = "1 id stands" if count == 1 else f"{count} ids stand"
    return f"{before}{said} on both sides for problems with different prompts: the tasks' settings differ" * bool(count)


def _compared(places: tuple[Place, Place], first: SearchTree, second: SearchTree) -> list[str | Text]:
    found = align(first, second)
    solved = " → ".join("yes" if tree.solved else "no" for tree in (first, second))
    counts = len(found.matches) - 1, len(found.appeared), len(found.vanished), len(moved(found))
    return [
        Text(visible(first.problem.id)),
        " → ".join(str(number) for number, _ in places),
        solved,
        f"{first.q(0):+.2f} → {second.q(0):+.2f}",
        *map(str, counts),
    ]
