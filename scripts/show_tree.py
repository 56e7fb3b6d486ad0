"""Look at the search trees of a run: python -m scripts.show_tree demo --problem chain/0/train-0"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from rich.console import Console

from evolve.run_trees import as_json_lines, export, find_run, first_trees, listing, path_of, tree_files, trees_of
from scripts.errors import Arguments, guarded
from tasks.errors import UserError
from viewer.text import render_tree


def main() -> None:
    """Read the command line and show what it asks for."""
    parser = Arguments(prog="python -m scripts.show_tree", description="Look at the search trees of a run.")
    parser.add_argument("run", help="a run's folder, or its name")
    parser.add_argument("--problem", metavar="ID", help="show this problem's trees; without it the first are listed")
    parser.add_argument("--round", type=int, metavar="N", help="default: the latest round with trees")
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many trees to list (default: 20)")
    parser.add_argument("--depth", type=int, metavar="D", help="show steps down to this depth")
    parser.add_argument("--min-visits", type=int, default=0, metavar="N", help="hide steps with fewer visits")
    parser.add_argument("--path", default="best", metavar="best|NODE", help="the path in bold (default: best)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the trees, one a line; - prints them")
    parser.add_argument("--graphml", type=Path, metavar="FILE", help="write the tree; several get a file each")
    asked = parser.parse_args()
    guarded(lambda: show(asked, Console()))


def show(asked: Namespace, console: Console) -> None:
    """List the first trees of a round, or show and write those of one problem."""
    root = find_run(asked.run)
    number, files = tree_files(root, asked.round)
    if asked.problem is None and (asked.json or asked.graphml):
        raise UserError("--json and --graphml write the trees of one problem; name it with --problem ID")
    if asked.problem is None:
        console.print(listing(first_trees(files, asked.limit), f"{root}, round {number}: the first trees"))
        console.print(
            f"look at one: python -m scripts.show_tree {asked.run} --round {number} --problem ID", style="dim"
        )
        return
    found = trees_of(files, asked.problem)
    if asked.json == Path("-"):
        console.out(as_json_lines(found), highlight=False, end="")
        return
    for each in found:
        tree = render_tree(each.tree, asked.depth, asked.min_visits, path_of(asked.path, each))
        console.print(f"round {number}, {each.source}", style="dim", highlight=False)
        console.print(tree, soft_wrap=not console.is_terminal)
    for path in export(found, asked.json, asked.graphml):
        console.print(f"written: {path}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
