"""Lists as the inspector's page reads them: column by column."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mcts.criticality import CriticalStep, by_text

MOST_CRITICAL = 200
"""Rows of critical steps."""
RANKED = 2000
"""Steps among which those of one text are counted."""


def columns(rows: Iterable[dict[str, Any]], names: Iterable[str] = ()) -> dict[str, list[Any]]:
    """Rows of the same fields as columns. ``names`` are there even without rows."""
    rows = list(rows)
    return {name: [row[name] for row in rows] for name in (rows[0] if rows else names)}


def critical_columns(
    steps: Iterable[CriticalStep], label_of: Callable[[CriticalStep], bool | None]
) -> dict[str, list[Any]]:
    """The ranked steps as the page reads them, a row for each text and direction; ``number``: a tree's place among all.

    ``right`` and ``wrong`` count the row's steps that the oracle calls so; ``others`` are those after the first.
    """
    rows = []
    for group in by_text(steps)[:MOST_CRITICAL]:
        first, labels = group[0], [label_of(step) for step in group]
        rows.append(
            {
                "number": first.tree,
                "node": first.node,
                "text": first.text[:400],
                "criticality": first.delta,
                "spread": None if first.spread != first.spread else first.spread,
                "visits": first.visits,
                "right": labels.count(True),
                "wrong": labels.count(False),
                "others": [[step.tree, step.node, round(step.delta, 4), step.visits] for step in group[1:]],
            }
        )
    return columns(rows, ("number",))
