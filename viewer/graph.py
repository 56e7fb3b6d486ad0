"""A search tree for other programs: networkx, GraphML, JSON. DOT: viewer/dot.py."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import networkx as nx  # type: ignore[import-untyped]
import numpy as np

from mcts.criticality import criticality, sibling_spread
from mcts.tree import SearchTree
from mcts.tree_json import encode
from tasks.durable import atomic_path


def to_networkx(tree: SearchTree) -> nx.DiGraph[int]:
    """A directed graph with an edge from each node to its children.

    Node attributes: ``text``, ``depth``, ``tokens`` (their number), ``visits``, ``value_sum``, ``q``, ``prior``,
    ``is_final``, ``is_dead_end`` and, where there is one, ``observation``, ``score``, ``criticality`` and ``spread``
    (mcts/criticality.py), ``outcome``, ``reward``, ``parts``, ``note``. Graph attributes: ``id``, ``prompt``,
    ``answer``, ``meta``. All are texts, numbers and booleans, which every format holds: what is None or NaN is left
    out, ``parts`` and ``meta`` are JSON objects as text, lists (token ids, log-probs) stay in the tree.
    """
    problem = tree.problem
    about = {"id": problem.id, "prompt": problem.prompt, "answer": problem.answer, "meta": _as_text(problem.meta)}
    graph: nx.DiGraph[int] = nx.DiGraph(**about)
    columns: dict[str, Sequence[float] | np.ndarray] = {
        "score": tree.score,
        "criticality": criticality(tree),
        "spread": sibling_spread(tree),
    }
    for node in range(len(tree)):
        known = {name: float(column[node]) for name, column in columns.items() if not math.isnan(column[node])}
        graph.add_node(node, **_attributes(tree, node), **known)
    graph.add_edges_from((tree.parent[node], node) for node in range(1, len(tree)))
    return graph


def to_graphml(tree: SearchTree, path: Path) -> None:
    """Write the graph as GraphML, which Gephi, yEd and Cytoscape read.

    XML has no place for most control characters: they are written as escapes such as ``\\x1b``.
    """
    graph = to_networkx(tree)
    for attributes in (graph.graph, *(graph.nodes[node] for node in graph)):
        for name, value in attributes.items():
            if isinstance(value, str):
                attributes[name] = xml_safe(value)
    with atomic_path(path) as temporary:
        nx.write_graphml(graph, temporary)


def to_json(tree: SearchTree) -> dict[str, Any]:
    """The tree as JSON-able columns, exactly as in a tree file (docs/formats.md)."""
    return encode(tree)


def xml_safe(text: str) -> str:
    """Text in which every character that XML 1.0 cannot hold, or would change, is shown as its escape."""
    return "".join(char if _is_xml(char) else char.encode("unicode_escape").decode("ascii") for char in text)


def _is_xml(char: str) -> bool:
    # A bare carriage return is legal, but every reader turns it into a newline.
    return char in "\t\n" or "\x20" <= char <= "\ud7ff" or "\ue000" <= char <= "\ufffd" or char >= "\U00010000"


def _attributes(tree: SearchTree, node: int) -> dict[str, str | int | float | bool]:
    step = tree.steps[node]
    attributes: dict[str, str | int | float | bool] = {
        "text": step.text if step else "",
        "depth": tree.depth[node],
        "tokens": len(step.token_ids) if step else 0,
        "visits": tree.visits[node],
        "value_sum": tree.value_sum[node],
        "q": tree.q(node),
        "prior": tree.prior[node],
        "is_final": step is not None and step.is_final,
        "is_dead_end": node in tree.dead_ends,
    }
    if step is not None and step.observation:
        attributes["observation"] = step.observation
    verdict = tree.verdicts.get(node)
    if verdict is not None:
        attributes |= {"outcome": verdict.outcome.value, "reward": verdict.reward, "note": verdict.note}
        attributes["parts"] = _as_text(verdict.parts)
    return attributes


def _as_text(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data))
