"""The inspector of a run: every tree, with what the run knows of it, in one HTML file (docs/inspector.md)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evolve.inspect_notes import RunNotes
from evolve.page_columns import RANKED, columns, critical_columns
from evolve.problem_trees import places_of
from evolve.run_trees import part_of, rounds_with_trees, source_of
from mcts.criticality import CriticalStep, most_critical
from mcts.storage import read_trees
from mcts.tree import SearchTree
from tasks.durable import atomic_path
from tasks.errors import DataError, UserError
from viewer.bundle import json_text, packed, page
from viewer.overview import tree_line
from viewer.tree_data import tree_data

MOST_BYTES = 64_000_000
"""Of packed tree files in one page: beyond that a browser takes long to open it."""
_UNKNOWN = 2  # the oracle does not say
_PART = 400_000  # characters of JSON that are packed, and unpacked, together
_OF_A_ROUND = ("mode", "coverage", "greedy", "search", "pairs", "ppm_pair_accuracy", "trajectories")


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A tree file of one of the runs that a page shows."""

    run: int
    round: int
    path: Path


class Inspected:
    """One or more runs as a page shows them. ``only_round``, ``only_problem``: leave the other trees out.

    Raises UserError if that leaves nothing.
    """

    def __init__(self, roots: list[Path], only_round: int | None = None, only_problem: str | None = None) -> None:
        self.roots = roots
        self.only_problem = only_problem
        self.notes = [RunNotes(root) for root in roots]
        self.files = [file for run in range(len(roots)) for file in self._files(run, only_round)]

    def head(self) -> dict[str, Any]:
        """What the page must know before it asks for anything."""
        return {
            "title": " and ".join(root.resolve().name for root in self.roots),
            "problem": self.only_problem,
            "runs": [self._run(at) for at in range(len(self.roots))],
        }

    def line(self, file: TreeFile, tree: SearchTree, pairs: int) -> dict[str, Any]:
        """The tree's line in the list. ``pairs``: how many it gave."""
        level = tree.problem.meta.get("level")
        return {
            **tree_line(tree),
            "run": file.run,
            "round": file.round,
            "source": source_of(file.path),
            "held_out": file.path.parent.name != "trees",
            "pairs": pairs,
            "level": level if isinstance(level, int | str | None) else str(level),
        }

    def data(self, file: TreeFile, tree: SearchTree) -> dict[str, Any]:
        """All that the page shows of a tree."""
        return tree_data(tree, self.notes[file.run].of(tree, file.round))

    def wants(self, tree: SearchTree) -> bool:
        """Is the tree asked for?"""
        return self.only_problem in (None, tree.problem.id)

    def _files(self, run: int, only_round: int | None) -> list[TreeFile]:
        root = self.roots[run]
        if self.only_problem is not None:
            places = places_of(root, self.only_problem, only_round)
        else:
            places = [(number, path) for number, paths in rounds_with_trees(root, only_round).items() for path in paths]
        return [TreeFile(run, number, path) for number, path in places]

    def _run(self, run: int) -> dict[str, Any]:
        rounds, part = self._rounds(run), part_of(self.roots[run])
        about = {"name": self.roots[run].resolve().name, "part": part, "rounds": rounds}
        if part == "seed":
            return about | {"note": "The trees that the arms learned from, by seed; a file is named after its set."}
        open_ones = [str(row["round"]) for row in rounds if row["has_trees"] and row["coverage"] is None]
        one_or_more = f"Round {open_ones[0]} is" if len(open_ones) == 1 else f"Rounds {', '.join(open_ones)} are"
        note = f"{one_or_more} not finished: the trees so far are here, the figures come with the end."
        return about | {"note": note if open_ones else ""}

    def _rounds(self, run: int) -> list[dict[str, Any]]:
        path = self.roots[run] / "summary.json"
        try:
            has_rounds = path.is_file() and part_of(self.roots[run]) == "round"
            known = json.loads(path.read_text(encoding="utf-8"))["rounds"] if has_rounds else []
            rows = {row["round"]: {name: row[name] for name in _OF_A_ROUND} for row in known}
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged; delete it and start the run again to have it made anew") from error
        grown = {file.round for file in self.files if file.run == run}
        blank = dict.fromkeys(_OF_A_ROUND)
        return [
            {"round": number, **rows.get(number, blank), "has_trees": number in grown}
            for number in sorted({*rows, *grown})
        ]


def write_page(inspected: Inspected, out: Path) -> int:
    """Write the page, whole or not at all; returns the number of trees. UserError for too much to open at once."""
    size = sum(file.path.stat().st_size for file in inspected.files)
    if size > MOST_BYTES:
        raise UserError(
            f"the tree files have {size / 1e6:.0f} MB and one page holds {MOST_BYTES / 1e6:.0f}; "
            "take one round with --round N, or look at the folder with --serve"
        )
    blobs = _Blobs(inspected)
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        head = inspected.head()
        file.writelines(page(f"{head['title']}: search trees", head, blobs))
    return len(blobs.lines)


class _Blobs:
    """The page's packed elements, made while the trees are read one by one."""

    def __init__(self, inspected: Inspected) -> None:
        self._inspected = inspected
        self.lines: list[dict[str, Any]] = []
        self._texts: list[str] = []
        self._parts = 0
        self._done: list[tuple[str, str]] = []
        self._labels: list[bytes] = []  # of each tree, a byte per node, or none

    def __iter__(self) -> Iterator[tuple[str, str]]:
        critical = most_critical(self._trees(), RANKED)
        self._pack()
        yield from self._done
        yield "lines", packed(json_text(columns(self.lines, ("id",))))
        yield "critical", packed(json_text(critical_columns(critical, self._label_of)))

    def _trees(self) -> Iterator[SearchTree]:
        for file in self._inspected.files:
            for tree in read_trees(file.path):
                if self._inspected.wants(tree):
                    self._take(file, tree)
                    yield tree

    def _take(self, file: TreeFile, tree: SearchTree) -> None:
        data = self._inspected.data(file, tree)
        kept = sum(1 for pair in data["pairs"] if not pair[5])
        labels = data["labels"]
        self._labels.append(bytes(labels.get(str(node), _UNKNOWN) for node in range(len(tree))) if labels else b"")
        self.lines.append({**self._inspected.line(file, tree, kept), "part": self._parts, "at": len(self._texts)})
        self._texts.append(json_text(data))
        if sum(map(len, self._texts)) > _PART:
            self._pack()

    def _label_of(self, step: CriticalStep) -> bool | None:
        labels = self._labels[step.tree]
        return {0: False, 1: True}.get(labels[step.node]) if labels else None

    def _pack(self) -> None:
        self._done.append((f"part-{self._parts}", packed(f"[{','.join(self._texts)}]")))
        self._parts += 1
        self._texts = []
