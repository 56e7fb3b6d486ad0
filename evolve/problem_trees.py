"""The trees of one problem, and the problems that two runs or rounds share, wherever in a run they lie."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from heapq import nsmallest
from itertools import zip_longest
from pathlib import Path

from evolve.run_trees import FoundTree, part_of, rounds_with_trees, source_of
from mcts.storage import read_names, read_trees
from tasks.errors import UserError

Side = tuple[Path, int | None]
"""A run and one of its rounds; None: any of them, the latest first."""
Name = tuple[str, str]
"""A problem's id and prompt: where the settings of two tasks differ, so do the prompts of one id."""
Place = tuple[int, Path]
"""A round and a tree file of it."""


def trees_of(root: Path, problem_id: str, only_round: int | None = None) -> tuple[int, list[FoundTree]]:
    """The latest round (or the one asked for) with trees of the problem, and all of them; a UserError if none has."""
    rounds = rounds_with_trees(root, only_round)
    for number in sorted(rounds, reverse=True):
        likely = [path for path in rounds[number] if _may_hold(path, problem_id)]
        trees = ((path, tree) for path in likely for tree in read_trees(path) if tree.problem.id == problem_id)
        if found := [FoundTree(source_of(path), tree) for path, tree in trees]:
            return number, found
    raise UserError(_unknown(root, only_round, problem_id))


def places_of(root: Path, problem_id: str, only_round: int | None = None) -> list[Place]:
    """Every file with a tree of the problem, in the order of the rounds; a UserError if there is none."""
    rounds = rounds_with_trees(root, only_round)
    found = [(number, path) for number, paths in rounds.items() for path in paths if _holds(path, problem_id)]
    if not found:
        raise UserError(_unknown(root, only_round, problem_id))
    return found


@dataclass(frozen=True, slots=True)
class Shared:
    """Problems on both sides, in the order of the first side, with the latest round and file of each there.

    ``others``: ids that both sides have, for problems whose prompts differ.
    """

    first: dict[Name, Place]
    second: dict[Name, Place]
    others: frozenset[str]


def shared_problems(first: Side, second: Side) -> Shared:
    """The problems of which both sides have trees: the same id and the same prompt."""
    places, answers = _places(first), _places(second)
    names = [name for name in places if name in answers]
    ids = [{problem_id for problem_id, _ in found} for found in (places, answers, names)]
    others = (ids[0] & ids[1]) - ids[2]
    return Shared({name: places[name] for name in names}, {name: answers[name] for name in names}, frozenset(others))


def first_tree_of(places: Mapping[Name, Place]) -> dict[Name, FoundTree]:
    """The first tree of each problem in its file; every file is read once."""
    found: dict[Name, FoundTree] = {}
    for path in dict.fromkeys(path for _, path in places.values()):
        wanted = {name for name, (_, where) in places.items() if where == path}
        for tree in read_trees(path):
            if (name := (tree.problem.id, tree.problem.prompt)) in wanted:
                found.setdefault(name, FoundTree(source_of(path), tree))
    return found


def nearest(wanted: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The ids most like the one wanted: first by their wording, then by how near their numbers are."""

    @cache
    def unlike(wording: str) -> float:
        return -SequenceMatcher(None, _wording(wanted), wording, autojunk=False).ratio()

    def distance(name: str) -> tuple[float, list[int], str]:
        gaps = [abs(a - b) for a, b in zip_longest(_numbers(wanted), _numbers(name), fillvalue=0)]
        return unlike(_wording(name)), gaps, name

    return nsmallest(count, known, key=distance)


def _places(side: Side) -> dict[Name, Place]:
    """Each problem with the latest round that has it and its first file there; the latest round's problems first."""
    rounds, found = rounds_with_trees(*side), dict[Name, Place]()
    for number in sorted(rounds, reverse=True):
        for path in rounds[number]:
            for name in read_names(path):
                found.setdefault(name, (number, path))
    return found


def _unknown(root: Path, only_round: int | None, problem_id: str) -> str:
    rounds, part = rounds_with_trees(root), part_of(root)
    where = root if only_round is None else root / f"{part}_{only_round}"
    said = f"{where} has no tree of problem {problem_id}"
    if only_round is not None:
        others = [n for n in rounds if n != only_round and any(_holds(path, problem_id) for path in rounds[n])]
        if others:
            return f"{said}, but {part} {' and '.join(map(str, others))} has; leave --round out, or name that one"
        rounds = {only_round: rounds[only_round]}
    known = {name for paths in rounds.values() for path in paths for name, _ in read_names(path)}
    return f"{said}; the nearest ids are {', '.join(nearest(problem_id, known))}"


def _holds(path: Path, problem_id: str) -> bool:
    return _may_hold(path, problem_id) and any(name == problem_id for name, _ in read_names(path))


def _may_hold(path: Path, problem_id: str) -> bool:
    """Does the id stand anywhere in the file? Unpacking alone is ten times as quick as reading every tree."""
    wanted = json.dumps(problem_id).encode()
    try:
        with gzip.open(path, "rb") as lines:
            return any(wanted in line for line in lines)
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return True  # reading its trees says what is wrong with it


def _wording(name: str) -> str:
    return re.sub(r"[0-9]+", "0", name)


def _numbers(name: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"[0-9]{1,18}", name)]
