"""The search trees of a run: finding them by round and problem, listing them, handing them to other programs.

A comparison has seeds in the place of rounds, and each seed one or more sets of trees (``seed_0/trees-0.15-ppm``); a
tree file is then named after its set too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from mcts.storage import read_trees
from mcts.tree import SearchTree
from mcts.tree_json import encode
from tasks.durable import write_text_atomic
from tasks.errors import UserError
from viewer.text import visible

OUTPUTS = Path("outputs")
_SUFFIX = ".jsonl.gz"
_PART = re.compile(r"(round|seed)_(\d+)")


@dataclass(frozen=True, slots=True)
class FoundTree:
    """A tree, and the file it stands in (``source_of``), such as ``tree1-00003``."""

    source: str
    tree: SearchTree


def find_run(name: str) -> Path:
    """The run folder that a path, or a bare name such as ``demo``, stands for."""
    for folder in (Path(name), OUTPUTS / name):
        if (folder / "run.json").is_file():
            return folder
    raise UserError(f"{name} is not a run folder (it has no run.json); name a folder such as outputs/demo")


def tree_files(root: Path, round_number: int | None = None) -> tuple[int, list[Path]]:
    """A round with trees (by default the latest) and its tree files: training problems first, then held-out ones."""
    found = rounds_with_trees(root, round_number)
    number = max(found)
    return number, found[number]


def rounds_with_trees(root: Path, only: int | None = None) -> dict[int, list[Path]]:
    """Every round that has trees (or ``only`` one), with its tree files; a UserError if there is none."""
    part = part_of(root)
    found = {int(folder.name.removeprefix(f"{part}_")): _files(folder) for folder in _parts(root, part)}
    rounds = {number: found[number] for number in sorted(found) if found[number]}
    if not rounds:
        first = "the search of round 1 writes the first ones" if part == "round" else "not every arm learns from any"
        raise UserError(f"{root} holds no trees yet; {first}")
    if only is None:
        return rounds
    if only not in rounds:
        raise UserError(f"{root}: {part} {only} has no trees; use --round {' or '.join(map(str, rounds))}")
    return {only: rounds[only]}


def has_trees(root: Path) -> bool:
    """Are there any?"""
    return any(_files(folder) for folder in _parts(root, part_of(root)))


def part_of(root: Path) -> str:
    """What the numbered parts of a folder are: ``round``, or ``seed`` where it is a comparison."""
    return "seed" if _parts(root, "seed") else "round"


def source_of(path: Path) -> str:
    """A tree file's name without its suffix, such as ``tree1-00003``; of a comparison, after its set's name."""
    name, folder = path.name.removesuffix(_SUFFIX), path.parent.parent
    return f"{folder.name}.{name}" if folder.parent.name.startswith("seed_") else name


def first_trees(files: Iterable[Path], count: int) -> list[FoundTree]:
    """The first ``count`` trees, in the order of the files."""
    return list(islice(_read(files), count))


def path_of(chosen: str, found: FoundTree) -> str | int:
    """``best``, or the number of a node of the tree, as the viewer wants it."""
    if chosen == "best":
        return chosen
    if chosen.isdecimal() and int(chosen) < len(found.tree):
        return int(chosen)
    raise UserError(f"--path {chosen}: tree {found.source} has nodes 0 to {len(found.tree) - 1}; give one, or best")


def listing(found: Iterable[FoundTree], title: str) -> Table:
    """A row per tree: problem, level, solved or not, nodes, visits of the root, file."""
    table = Table(title=Text(title), box=box.SIMPLE_HEAD)
    for column in ("problem", "level", "solved", "nodes", "visits", "file"):
        table.add_column(column, justify="right" if column in ("level", "nodes", "visits") else "left")
    for each in found:
        tree, level = each.tree, each.tree.problem.meta.get("level", "-")
        name, source = Text(visible(tree.problem.id)), Text(visible(each.source))
        solved = "yes" if tree.solved else "no"
        table.add_row(name, Text(str(level)), solved, str(len(tree)), str(tree.visits[0]), source)
    return table


def as_json_lines(found: Iterable[FoundTree]) -> str:
    """One tree a line, exactly as in a tree file (docs/formats.md)."""
    return "".join(json.dumps(encode(each.tree), allow_nan=False, separators=(",", ":")) + "\n" for each in found)


def export(
    found: list[FoundTree], json_path: Path | None, graphml_path: Path | None, dot_path: Path | None = None
) -> list[Path]:
    """Write the trees to the files that are asked for; returns all that were written.

    GraphML and DOT hold one graph a file: several trees go to ``NAME.SOURCE.SUFFIX`` each.
    """
    written = []
    if json_path is not None:
        write_text_atomic(json_path, as_json_lines(found))
        written.append(json_path)
    if graphml_path is not None or dot_path is not None:
        from viewer.dot import to_dot  # networkx takes a while to import
        from viewer.graph import to_graphml

        for path, write in ((graphml_path, to_graphml), (dot_path, to_dot)):
            for each in found if path is not None else ():
                assert path is not None
                name = path.name if len(found) == 1 else f"{path.stem}.{each.source}{path.suffix}"
                written.append(path.with_name(name))
                write(each.tree, written[-1])
    return written


def _parts(root: Path, part: str) -> list[Path]:
    found = ((folder, _PART.fullmatch(folder.name)) for folder in root.iterdir())
    return [folder for folder, match in found if match and match[1] == part]


def _files(folder: Path) -> list[Path]:
    """Of a round: what it learns from, then what is held out; of a seed: set by set."""
    places = ("trees", "held_out_trees") if folder.name.startswith("round_") else ("*/trees",)
    return [path for place in places for path in sorted(folder.glob(f"{place}/*{_SUFFIX}"))]


def _read(files: Iterable[Path]) -> Iterator[FoundTree]:
    for path in files:
        for tree in read_trees(path):
            yield FoundTree(source_of(path), tree)
