"""A run for the viewer's server: its trees are found while the page is open already, and read one by one when asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from evolve.inspector import Inspected, TreeFile
from evolve.packed_lines import PackedLines
from evolve.page_columns import RANKED, columns, critical_columns
from mcts.criticality import CriticalStep, most_critical
from mcts.storage import parse_tree
from mcts.tree import SearchTree
from tasks.errors import DataError, UserError
from viewer.bundle import page

_LINES_AT_ONCE = 2000


class ServedRun:
    """Implements ``viewer.serve.TreeSource``. Trees are named by their place in the list alone, never by a path.

    Memory grows by a line per tree, never by the trees: one at a time is unpacked.
    """

    def __init__(self, inspected: Inspected) -> None:
        roots = [root.resolve() for root in inspected.roots]
        for file in inspected.files:
            if not file.path.resolve().is_relative_to(roots[file.run]):
                raise UserError(
                    f"{file.path} points to a place outside the run; only what lies in its folder is served"
                )
        self._inspected = inspected
        self._lines: list[dict[str, Any]] = []
        self._places: list[tuple[TreeFile, PackedLines, int, int]] = []  # of each tree: line number, bytes before it
        self._critical: dict[str, Any] = {}
        self._errors: list[str] = []
        self._done = threading.Event()

    def start(self) -> None:
        """Find the trees in the background."""
        threading.Thread(target=self.find, name="find trees", daemon=True).start()

    def find(self) -> None:
        """Read every tree once, keep its line. A damaged file is told of and left where it broke."""
        try:
            ranked = most_critical(self._trees(), RANKED)
            self._critical = critical_columns(ranked, self._labels(ranked))
        finally:
            self._done.set()

    def page(self) -> str:
        """The page without any tree."""
        head = self._inspected.head()
        return "".join(page(f"{head['title']}: search trees", head, (), served=True))

    def lines(self, start: int) -> dict[str, Any]:
        """Some of the trees' lines from a place on; ``done`` if these are the last of all."""
        is_done = self._done.is_set()  # before the lines are taken: what came in between is asked for again
        rows = self._lines[start : start + _LINES_AT_ONCE]
        end = start + len(rows)
        return {
            "lines": columns(rows, ("id",)),
            "done": is_done and end == len(self._lines),
            "error": "; ".join(self._errors),
        }

    def tree(self, number: int) -> dict[str, Any]:
        """All about one tree. Raises LookupError for a number that is not in the list."""
        if not 0 <= number < len(self._places):
            raise LookupError(f"there is no tree {number}; there are {len(self._places)}")
        return self._inspected.data(self._places[number][0], self._tree(number))

    def critical(self) -> dict[str, Any]:
        """The ranked steps, once every tree was read."""
        if not self._done.is_set():
            raise LookupError("the trees are still being read; come again in a moment")
        return self._critical

    def _tree(self, number: int) -> SearchTree:
        file, packed, at, start = self._places[number]
        return parse_tree(file.path, at, packed.line_at(start))

    def _labels(self, steps: list[CriticalStep]) -> Callable[[CriticalStep], bool | None]:
        """The oracle's labels of these steps: their trees are read once more, one by one."""
        labels: dict[int, dict[int, bool]] = {}
        for number in sorted({step.tree for step in steps}):
            labels[number] = self._inspected.notes[self._places[number][0].run].step_labels(self._tree(number))
        return lambda step: labels[step.tree].get(step.node)

    def _trees(self) -> Iterator[SearchTree]:
        for file in self._inspected.files:
            try:
                packed = PackedLines(file.path)
                for at, (start, line) in enumerate(packed.lines(), start=1):
                    tree = parse_tree(file.path, at, line)
                    if not self._inspected.wants(tree):
                        continue
                    self._places.append((file, packed, at, start))
                    self._lines.append(
                        self._inspected.line(file, tree, self._inspected.notes[file.run].kept_pairs(tree))
                    )
                    yield tree
            except (DataError, OSError) as error:
                self._errors.append(str(error))
