"""A search tree as DOT, the language of Graphviz.

Every value is a double-quoted string. Such a string ends at the first quote without a backslash before it, and what
shows it reads ``\\n`` and ``\\\\`` as a newline and a backslash. So quotes and backslashes get a backslash, newlines
are written ``\\n``, and characters that cannot be printed as their escapes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from mcts.tree import SearchTree
from tasks.durable import write_text_atomic
from viewer.colours import DIVERGING, mix
from viewer.graph import to_networkx
from viewer.text import visible

_LONGEST_LABEL = 120  # characters of a step
_WIDEST = 6.0  # points, of the edge that every rollout took


def to_dot(tree: SearchTree, path: Path) -> None:
    """Write the tree as DOT: the attributes of ``to_networkx``, and label, colour (by Q) and width (by visits)."""
    write_text_atomic(path, "".join(line + "\n" for line in _lines(tree)))


def quoted(text: str) -> str:
    """Any text as a DOT string."""
    lines = (visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'


def _lines(tree: SearchTree) -> Iterator[str]:
    graph = to_networkx(tree)
    best = {0, *tree.best_path()}
    yield "digraph {"
    yield f"graph [{_list(graph.graph)}];"
    yield 'node [shape="box", fontname="sans-serif"];'
    for node in graph:
        yield f"{node} [{_list(_look(tree, node, is_best=node in best) | graph.nodes[node])}];"
    for parent, node in graph.edges:
        share = math.sqrt(tree.visits[node] / max(1, tree.visits[0]))
        yield f"{parent} -> {node} [{_list({'penwidth': f'{max(0.5, _WIDEST * min(1.0, share)):.2f}'})}];"
    yield "}"


def _look(tree: SearchTree, node: int, *, is_best: bool) -> dict[str, object]:
    step = tree.steps[node]
    text = tree.problem.prompt if step is None else step.text.rstrip("\n")
    if len(text) > _LONGEST_LABEL:
        text = text[:_LONGEST_LABEL] + "…"
    q = tree.q(node) if tree.visits[node] else math.nan
    label = f"{text}\n#{node} N={tree.visits[node]}" + ("" if math.isnan(q) else f" Q={q:+.2f}")
    return {
        "label": label.replace("&", "&amp;"),  # a label's entities are read as characters
        "color": mix(DIVERGING, q),
        "penwidth": "3" if is_best else "1",
    }


def _list(attributes: dict[str, object]) -> str:
    return ", ".join(f"{name}={quoted(_plain(value))}" for name, value in attributes.items())


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
