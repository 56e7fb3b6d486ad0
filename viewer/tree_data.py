"""A tree as the page's script reads it: columns as in a tree file, made small, with what is known beside it."""

from __future__ import annotations

from typing import Any

from mcts.criticality import criticality, sibling_spread
from mcts.tree import SearchTree
from mcts.tree_json import encode
from viewer.annotations import Annotations
from viewer.overview import end_mark


def tree_data(tree: SearchTree, notes: Annotations) -> dict[str, Any]:
    """JSON-able. Numbers are the tree file's own, but log-probs are thousandths of a nat, rounded.

    ``ends`` has a letter per node (``viewer.overview.end_mark``); what few nodes have is an object by node.
    ``lengths``: by node, the UTF-16 units that each token stands for.
    """
    row = encode(tree)
    nodes = range(len(tree))
    lengths = {node: found for node in nodes[1:] if (found := notes.token_lengths(tree.step(node))) is not None}
    return {
        **{name: row[name] for name in ("id", "prompt", "answer", "meta", "history")},
        **{name: row[name] for name in ("parent", "visits", "value_sum", "prior", "score", "text")},
        "logprobs": [[round(1000 * value) for value in part] for part in row["logprobs"]],
        "lengths": {str(node): list(found) for node, found in lengths.items()},
        "ends": "".join(end_mark(tree, node) for node in nodes),
        "best": tree.best_path(),
        **{name: _sparse(row[name]) for name in ("observation", "reward", "parts", "note")},
        "criticality": _column(criticality(tree)),
        "spread": _column(sibling_spread(tree)),
        "labels": {str(node): int(is_right) for node, is_right in notes.step_labels.items()},
        "scores": {name: {str(n): value for n, value in found.items()} for name, found in notes.scores.items()},
        "pairs": [[p.kind, p.prefix, p.chosen, p.rejected, p.margin, p.reason, p.child] for p in notes.pairs],
    }


def _sparse(column: list[Any]) -> dict[str, Any]:
    return {str(node): value for node, value in enumerate(column) if value not in (None, "")}


def _column(values: Any) -> list[float | None]:
    return [None if value != value else round(float(value), 6) for value in values]
