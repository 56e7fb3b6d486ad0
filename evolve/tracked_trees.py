"""A run's trees for its tracker: a table with a row per tree, and the report and the inspector's page to keep."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from evolve.inspector import Inspected, write_page
from evolve.journal import RunLog
from evolve.open_page import PAGE
from evolve.run_trees import has_trees, part_of, rounds_with_trees, source_of
from evolve.stages import Tracker
from mcts.storage import read_trees
from mcts.tree import SearchTree
from tasks.errors import UserError
from viewer.text import visible

COLUMNS = ("round", "problem", "solved", "nodes", "visits", "q", "best path", "file")
_MOST_ROWS = 10_000  # what Weights & Biases shows of a table
_LONGEST = 2_000  # characters of a path


def keep_trees(tracker: Tracker, root: Path, log: RunLog) -> None:
    """Hand the finished run or comparison of ``root`` to the tracker; without trees there is nothing to hand over.

    Trees that are too many for one page stay in the run folder; the log says so.
    """
    if not has_trees(root):
        return
    tracker.table("trees", (part_of(root), *COLUMNS[1:]), list(islice(_rows(root), _MOST_ROWS)))
    files = [root / "report.html"]
    try:
        write_page(Inspected([root]), root / PAGE)
        files.append(root / PAGE)
    except UserError as error:
        log.write(f"the tracker gets no page of the trees: {error}")
    tracker.keep("trees", files)


def _rows(root: Path) -> Iterator[tuple[object, ...]]:
    for number, files in rounds_with_trees(root).items():
        for path in files:
            for tree in read_trees(path):
                yield number, *_facts(tree), source_of(path)


def _facts(tree: SearchTree) -> tuple[object, ...]:
    best = "".join(tree.step(node).text for node in tree.best_path())[:_LONGEST]
    text = "\n".join(visible(line) for line in best.split("\n"))
    return visible(tree.problem.id), tree.solved, len(tree), tree.visits[0], round(tree.q(0), 6), text
