"""A tree as one JSON object, column by column, and back. The format is documented in docs/formats.md."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from mcts.config import Backup
from mcts.history import History
from mcts.step import Step
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem, Verdict

VERSION = 1
_LARGEST = 2**31 - 1
_MOST_DEPTH = 65535
_OBSERVED = "observation_ids"  # a column that is missing where no step ran code


class MalformedTreeError(ValueError):
    """What is wrong with a JSON object that should be a tree, in half a sentence."""


def encode(tree: SearchTree) -> dict[str, Any]:
    """The tree as JSON-able columns of equal length, one entry per node, the root first."""
    steps = [step or Step("") for step in tree.steps]
    verdicts = [tree.verdicts.get(node) for node in range(len(tree))]
    problem = tree.problem
    observed = {"observation_ids": [list(step.observation_ids) for step in steps]}  # of code steps alone
    return {
        "version": VERSION,
        "id": problem.id,
        "prompt": problem.prompt,
        "answer": problem.answer,
        "meta": json.dumps(dict(problem.meta)),  # as text: problems differ in what they hold, columns may not
        "parent": list(tree.parent),
        "visits": list(tree.visits),
        "value_sum": list(tree.value_sum),
        "prior": list(tree.prior),
        "score": [None if math.isnan(score) else score for score in tree.score],
        "text": [step.text for step in steps],
        "token_ids": [list(step.token_ids) for step in steps],
        "logprobs": [list(step.logprobs) for step in steps],
        "is_final": [step.is_final for step in steps],
        "observation": [step.observation for step in steps],
        **(observed if any(observed["observation_ids"]) else {}),
        "is_dead_end": [node in tree.dead_ends for node in range(len(tree))],
        "outcome": [verdict and verdict.outcome.value for verdict in verdicts],
        "reward": [verdict and verdict.reward for verdict in verdicts],
        "parts": [verdict and json.dumps(dict(verdict.parts)) for verdict in verdicts],
        "note": [verdict and verdict.note for verdict in verdicts],
        "history": tree.history and _history_columns(tree.history),
    }


def decode(row: Any) -> SearchTree:
    """The tree that ``encode`` was given. Raises MalformedTreeError for anything that cannot be one."""
    _check_columns(row)
    problem = Problem(row["id"], row["prompt"], row["answer"], _json_object(row["meta"], "meta"))
    tree = SearchTree(problem)
    for first, last in _families(row["parent"]):
        parent = row["parent"][first]
        if tree.is_terminal(parent) or tree.depth[parent] == _MOST_DEPTH:
            raise MalformedTreeError(f"node {parent} has children although its path ends there")
        steps = [_step(row, node) for node in range(first, last)]
        tree.add_children(parent, steps, row["prior"][first:last])
        _restore_ends(tree, row, range(first, last))
    _restore_ends(tree, row, range(1))
    for node in range(len(tree)):
        tree.visits[node] = row["visits"][node]
        tree.value_sum[node] = row["value_sum"][node]
        tree.score[node] = math.nan if row["score"][node] is None else row["score"][node]
    tree.history = _history(row.get("history"), len(tree))
    return tree


def _history_columns(history: History) -> dict[str, Any]:
    return {
        "backup": history.backup.value,
        "discount": history.discount,
        "rollout": list(history.rollout),
        "node": list(history.node),
        "value": list(history.value),
        "size": list(history.size),
    }


def _history(row: Any, nodes: int) -> History | None:
    if row is None:
        return None
    if type(row) is not dict or not _is_text(row.get("backup")) or row["backup"] not in list(Backup):
        raise MalformedTreeError(f"history must be an object whose backup is one of {', '.join(Backup)}")
    if not _is_number(row.get("discount")) or not 0 < row["discount"] <= 1:
        raise MalformedTreeError(f"discount of history must lie in (0, 1], got {row.get('discount')!r:.60}")
    history = History(Backup(row["backup"]), float(row["discount"]))
    columns: list[Any] = [row.get(name) for name in ("rollout", "node", "value", "size")]
    if not all(type(column) is list and len(column) == len(columns[0]) for column in columns):
        raise MalformedTreeError("columns rollout, node, value and size of history must be lists of equal length")
    last, known = 1, 1
    for rollout, node, value, size in zip(*columns, strict=True):
        if not (_is_count(rollout) and rollout >= last and _is_count(size) and known <= size <= nodes):
            raise MalformedTreeError(f"rollout and size of history must never fall, got {rollout!r} and {size!r:.60}")
        if not (_is_count(node) and node < nodes and _is_number(value) and -1 <= value <= 1):
            raise MalformedTreeError(f"history must hold values in [-1, 1] at nodes, got {value!r:.60} at {node!r:.60}")
        history.add(rollout, node, value, size)
        last, known = rollout, size
    return history


def _step(row: Mapping[str, Any], node: int) -> Step:
    return Step(
        row["text"][node],
        tuple(row["token_ids"][node]),
        tuple(map(float, row["logprobs"][node])),
        row["is_final"][node],
        row["observation"][node],
        tuple(row[_OBSERVED][node]) if row.get(_OBSERVED) is not None else (),
    )


def _restore_ends(tree: SearchTree, row: Mapping[str, Any], nodes: range) -> None:
    for node in nodes:
        if row["is_dead_end"][node]:
            if row["is_final"][node]:
                raise MalformedTreeError(f"node {node} is both final and a dead end")
            if tree.child_count[node]:
                raise MalformedTreeError(f"node {node} has children although its path ends there")
            tree.dead_ends.add(node)
        verdict = [row[name][node] for name in ("outcome", "reward", "parts", "note")]
        if verdict == [None] * 4:
            continue
        if None in verdict or not row["is_final"][node]:
            raise MalformedTreeError(f"node {node} has an incomplete verdict, or one without a final step")
        parts = _json_object(verdict[2], "parts")
        tree.verdicts[node] = Verdict(Outcome(verdict[0]), float(verdict[1]), parts, verdict[3])


def _families(parents: list[int]) -> list[tuple[int, int]]:
    """Runs of nodes with one parent. Raises MalformedTreeError if a node precedes its parent or leaves its siblings."""
    if parents[0] != -1:
        raise MalformedTreeError(f"parent of node 0 must be -1, got {parents[0]}")
    families: list[tuple[int, int]] = []
    seen: set[int] = set()
    first = 1
    while first < len(parents):
        parent, last = parents[first], first
        while last < len(parents) and parents[last] == parent:
            last += 1
        if not 0 <= parent < first:
            raise MalformedTreeError(f"parent of node {first} must come before it, got {parent}")
        if parent in seen or last - first > _MOST_DEPTH:
            raise MalformedTreeError(f"the children of node {parent} must lie side by side")
        seen.add(parent)
        families.append((first, last))
        first = last
    return families


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_number(value: Any) -> bool:
    return (type(value) is int and abs(value) <= _LARGEST) or (type(value) is float and math.isfinite(value))


def _is_flag(value: Any) -> bool:
    return type(value) is bool


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _is_token_list(value: Any) -> bool:
    return type(value) is list and all(type(token) is int and 0 <= token <= _LARGEST for token in value)


# Column: what an entry must be, and the test.
_COLUMNS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "parent": ("a node", lambda value: type(value) is int),
    "visits": ("a count", _is_count),
    "value_sum": ("a finite number", _is_number),
    "prior": ("a number in [0, 1]", lambda value: _is_number(value) and 0 <= value <= 1),
    "score": ("null or a number in [-1, 1]", lambda value: value is None or (_is_number(value) and -1 <= value <= 1)),
    "text": ("text", _is_text),
    "token_ids": ("a list of token ids", _is_token_list),
    "logprobs": ("a list of finite numbers", lambda value: type(value) is list and all(map(_is_number, value))),
    "is_final": ("true or false", _is_flag),
    "observation": ("text", _is_text),
    "is_dead_end": ("true or false", _is_flag),
    "outcome": (
        "null or one of " + ", ".join(Outcome),
        lambda value: value is None or (_is_text(value) and value in list(Outcome)),
    ),
    "reward": ("null or a number in [0, 1]", lambda value: value is None or (_is_number(value) and 0 <= value <= 1)),
    "parts": ("null or text", lambda value: value is None or _is_text(value)),
    "note": ("null or text", lambda value: value is None or _is_text(value)),
}


def _check_columns(row: Any) -> None:
    if type(row) is not dict:
        raise MalformedTreeError("a tree must be a JSON object")
    if row.get("version") != VERSION:
        raise MalformedTreeError(f"version must be {VERSION}, got {row.get('version')!r}")
    for name in ("id", "prompt", "answer", "meta"):
        if not _is_text(row.get(name)):
            raise MalformedTreeError(f"{name} must be text, got {row.get(name)!r:.60}")
    size = len(row["parent"]) if type(row.get("parent")) is list else 0
    optional = {_OBSERVED: _COLUMNS["token_ids"]} if row.get(_OBSERVED) is not None else {}
    for name, (what, is_valid) in (_COLUMNS | optional).items():
        column = row.get(name)
        if type(column) is not list or not column or len(column) != size:
            raise MalformedTreeError(f"column {name} must be a list of {size} entries, one per node, at least one")
        for node, value in enumerate(column):
            if not is_valid(value):
                raise MalformedTreeError(f"{name} of node {node} must be {what}, got {value!r:.60}")
    for node in range(size):
        if len(row["token_ids"][node]) != len(row["logprobs"][node]):
            raise MalformedTreeError(f"node {node} must have one logprob per token")
        if abs(row["value_sum"][node]) > row["visits"][node] * (1 + 1e-9):
            raise MalformedTreeError(
                f"value_sum of node {node} must lie within its visits, got {row['value_sum'][node]}"
            )


def _json_object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedTreeError(f"{name} must be a JSON object as text") from error
    if type(value) is not dict:
        raise MalformedTreeError(f"{name} must be a JSON object as text")
    return value
