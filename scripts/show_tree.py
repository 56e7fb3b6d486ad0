"""Look at the search trees of a run: python -m scripts.show_tree demo"""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from rich.console import Console

from evolve.run_trees import as_json_lines, export, find_run, first_trees, listing, path_of, tree_files, trees_of
from scripts.errors import Arguments, count, guarded
from tasks.errors import UserError
from viewer.text import render_tree


def main() -> None:
    """Read the command line and show what it asks for."""
    parser = Arguments(
        prog="python -m scripts.show_tree",
        description="Look at the search trees of a run: on a page in the browser, or with --text or --problem here.",
    )
    parser.add_argument("run", help="a run's folder, or its name")
    parser.add_argument("--html", type=Path, metavar="FILE", help="where to write the page (RUN/inspector.html)")
    parser.add_argument("--compare", metavar="RUN", help="show another run's trees on the same page")
    parser.add_argument("--serve", action="store_true", help="no file: serve the page to this machine, trees on demand")
    parser.add_argument("--port", type=int, default=8765, metavar="N", help="for --serve; 0: any free one (8765)")
    parser.add_argument("--round", type=int, metavar="N", help="only this round (text: the latest with trees)")
    parser.add_argument("--text", action="store_true", help="list the first trees here instead of making a page")
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="how many trees --text lists (20)")
    parser.add_argument("--problem", metavar="ID", help="show this problem's trees here; with --html on a page")
    parser.add_argument("--depth", type=count, metavar="D", help="show steps down to this depth")
    parser.add_argument("--min-visits", type=count, default=0, metavar="N", help="hide steps with fewer visits")
    parser.add_argument("--path", default="best", metavar="best|NODE", help="the path in bold (best)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the trees, one a line; - prints them")
    parser.add_argument("--graphml", type=Path, metavar="FILE", help="write the tree; several get a file each")
    parser.add_argument("--dot", type=Path, metavar="FILE", help="the same for Graphviz")
    asked = parser.parse_args()
    guarded(lambda: show(asked, Console()))


def show(asked: Namespace, console: Console) -> None:
    """The page, the list of a round's first trees, or those of one problem."""
    root = find_run(asked.run)
    if asked.problem is None and (asked.json or asked.graphml or asked.dot):
        raise UserError("--json, --graphml and --dot write the trees of one problem; name it with --problem ID")
    if asked.html or asked.serve or asked.compare or not (asked.text or asked.problem):
        return show_page(root, asked, console)
    number, files = tree_files(root, asked.round)
    if asked.problem is None:
        console.print(listing(first_trees(files, asked.limit), f"{root}, round {number}: the first trees"))
        console.print(
            f"look at one: python -m scripts.show_tree {asked.run} --round {number} --problem ID", style="dim"
        )
        return None
    found = trees_of(files, asked.problem)
    if asked.json == Path("-"):
        return console.out(as_json_lines(found), highlight=False, end="")
    for each in found:
        tree = render_tree(each.tree, asked.depth, asked.min_visits, path_of(asked.path, each))
        console.print(f"round {number}, {each.source}", style="dim", highlight=False)
        console.print(tree, soft_wrap=not console.is_terminal)
    for path in export(found, asked.json, asked.graphml, asked.dot):
        console.print(f"written: {path}", highlight=False, soft_wrap=True)
    return None


def show_page(root: Path, asked: Namespace, console: Console) -> None:
    """Write the page, or serve it."""
    from evolve.inspector import Inspected
    from evolve.open_page import serve, write_and_open

    roots = [root, find_run(asked.compare)] if asked.compare else [root]
    inspected = Inspected(roots, asked.round, asked.problem)
    if asked.serve:
        serve(inspected, asked.port, console)
    else:
        write_and_open(inspected, asked.html, console)


if __name__ == "__main__":
    main()
