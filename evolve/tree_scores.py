"""What two adjudicators say of the nodes of a round's trees: ``round_N/adjudicators.jsonl`` (docs/formats.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcts.tree import SearchTree
from tasks.durable import atomic_path
from tasks.errors import DataError
from tasks.reader import read_rows
from tasks.readers.fields import MalformedRow, field_of
from tasks.splits import content_hash

NAME = "adjudicators.jsonl"

NodeScores = Mapping[str, Mapping[int, float]]
"""By judge's name and node."""


@dataclass(frozen=True, slots=True)
class ScoredTree:
    """Scores of a tree's nodes, the root's (None) first. ``tree``: ``tree_key`` of it; ``source``: its file."""

    problem_id: str
    source: str
    tree: str
    aware: Sequence[float | None]
    blind: Sequence[float | None]


def tree_key(tree: SearchTree) -> str:
    """What tells a tree from others: its problem, its answer, and the texts of its nodes and how they hang together."""
    problem = tree.problem
    texts = [tree.step(node).text for node in range(1, len(tree))]
    return content_hash(json.dumps([problem.id, problem.prompt, problem.answer, list(tree.parent), texts]))


def write_tree_scores(path: Path, trees: Iterable[ScoredTree], models: Mapping[str, str]) -> None:
    """A line for each tree; ``models``: which folders scored, by name. Whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for one in trees:
            row = {
                "problem_id": one.problem_id,
                "source": one.source,
                "tree": one.tree,
                "models": dict(models),
                "aware": list(one.aware),
                "blind": list(one.blind),
                "difference": [
                    None if a is None or b is None else round(a - b, 6)
                    for a, b in zip(one.aware, one.blind, strict=True)
                ],
            }
            file.write(json.dumps(row, allow_nan=False, separators=(",", ":")) + "\n")


def read_tree_scores(path: Path) -> dict[str, NodeScores]:
    """By ``tree_key``: the scores of both and their difference, by node. DataError (file and line) for a bad row."""
    found: dict[str, NodeScores] = {}
    for number, row in read_rows(path):
        try:
            columns = {name: _column(row, name) for name in ("aware", "blind", "difference")}
            if len({len(row[name]) for name in columns}) != 1:
                raise MalformedRow("aware, blind and difference must have an entry for each node")
            found[field_of(row, "tree", str)] = columns
        except MalformedRow as error:
            raise DataError(f"{path}:{number}: {error}; let scripts.adjudicate write the file again") from error
    return found


class TreeScores:
    """The scores that the rounds of a run have, each read when a tree of it is first asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rounds: dict[int, dict[str, NodeScores]] = {}

    def of(self, tree: SearchTree, round_number: int) -> NodeScores:
        """Empty where nothing scored this tree. DataError for a damaged file."""
        if round_number not in self._rounds:
            path = self._root / f"round_{round_number}" / NAME
            self._rounds[round_number] = read_tree_scores(path) if path.is_file() else {}
        known = self._rounds[round_number]
        return known.get(tree_key(tree), {}) if known else {}


def _column(row: dict[str, Any], name: str) -> dict[int, float]:
    values = field_of(row, name, list)
    most = 2 if name == "difference" else 1
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not (is_number and math.isfinite(value) and abs(value) <= most):
            raise MalformedRow(f"the field {name!r} must hold numbers in [-{most}, {most}] or null, not {value!r:.40}")
    return {node: float(value) for node, value in enumerate(values) if value is not None}
