"""Look at the search trees of a run: python -m scripts.show_tree demo"""

from __future__ import annotations

from rich.console import Console

from evolve.show_trees import Asked, show
from scripts.errors import Arguments, count, guarded, new_file


def main() -> None:
    """Read the command line and show what it asks for."""
    parser = Arguments(
        prog="python -m scripts.show_tree",
        description="Look at the search trees of a run: on a page in the browser, or with --text or --problem here.",
    )
    add = parser.add_argument
    add("run", help="the folder of a run or a comparison, or its name")
    add("--html", type=new_file, metavar="FILE", help="where to write the page (RUN/inspector.html)")
    add("--compare", metavar="RUN", help="put another run beside it: on the page, with --text here")
    add("--compare-round", type=count, metavar="N", help="here: beside it round N of --compare, or of the run itself")
    add("--serve", action="store_true", help="no file: serve the page to this machine, trees on demand")
    add("--port", type=count, default=8765, metavar="N", help="for --serve; 0: any free one (8765)")
    add("--round", type=count, metavar="N", help="only this round, or seed of a comparison (here: the latest with it)")
    add("--text", action="store_true", help="list the first trees here instead of making a page")
    add("--limit", type=count, default=20, metavar="N", help="how many trees, or changed steps, --text lists (20)")
    add("--problem", metavar="ID", help="show this problem's trees here; with --html on a page")
    add("--depth", type=count, metavar="D", help="here: only steps down to this depth, and the path in bold")
    add("--min-visits", type=count, default=0, metavar="N", help="here: hide steps with fewer visits")
    add("--path", default="best", metavar="best|NODE", help="here: the path in bold, or marked » (best)")
    add("--json", type=new_file, metavar="FILE", help="write the problem's trees, one a line; - prints them")
    add("--graphml", type=new_file, metavar="FILE", help="write its tree for Gephi, yEd, Cytoscape or networkx")
    add("--dot", type=new_file, metavar="FILE", help="write its tree for Graphviz; several trees get a file each")
    asked = Asked(**vars(parser.parse_args()))
    guarded(lambda: show(asked, Console()))


if __name__ == "__main__":
    main()
