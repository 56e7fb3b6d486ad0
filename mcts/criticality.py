"""Critical steps: where in a tree the chance of a correct end moves.

**V(node) = Q(node)** as the search left it, in [-1, 1]: the mean of the values backed up through the node (the best of
them with ``backup=max``), and where the process model's score counts as a pseudo-visit, that score among them. A node
that was never visited has no V: NaN, and whatever would be computed from it is NaN too. Where the values are -1 and 1
alone, (1 + V) / 2 is the share of right ends seen below the node, and this chance moves by half the criticality.

Steps of many trees are ranked by **|criticality| * N / (N + 4)** (``rank``): a step that was visited twice moves Q far
by chance, and would lead every list by the size of its move alone.

Shapes: N nodes of a tree; entry 0 is the root, which is no step and has NaN.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from mcts.tree import SearchTree

PRIOR_VISITS = 4


@dataclass(frozen=True, slots=True)
class CriticalStep:
    """A step and how far the chance of a correct end moves at it.

    ``tree`` is the tree's place among those that were looked at, from 0. ``delta`` = ``value`` - ``parent_value`` in
    [-2, 2]; ``spread`` in [0, 2] as ``sibling_spread`` has it, NaN without a sibling to compare with.
    """

    problem_id: str
    tree: int
    node: int
    depth: int
    text: str
    delta: float
    spread: float
    visits: int
    value: float
    parent_value: float


def values(tree: SearchTree) -> np.ndarray:
    """V of every node, [N]; NaN for a node that was never visited."""
    visits_N, sums_N = np.array(tree.visits, dtype=np.float64), np.array(tree.value_sum, dtype=np.float64)
    return np.asarray(np.divide(sums_N, visits_N, out=np.full(len(tree), np.nan), where=visits_N > 0))


def criticality(tree: SearchTree) -> np.ndarray:
    """V(step) - V(its parent) in [-2, 2] for every node, [N]: the step's advantage.

    Source: the step advantage of VinePPO (arXiv 2410.01679), V(child) - V(parent), which is also TreeRL's local
    advantage (arXiv 2506.11902); V is the search's own here, not a mean of fresh Monte-Carlo continuations.
    """
    values_N = values(tree)
    deltas_N = np.full(len(tree), np.nan)
    deltas_N[1:] = values_N[1:] - values_N[np.array(tree.parent)[1:]]
    return deltas_N


def sibling_spread(tree: SearchTree) -> np.ndarray:
    """How far V spreads at the parent of each node: highest minus lowest V of its children, in [0, 2], [N].

    All siblings have the same entry, unvisited ones too. NaN where fewer than two of them were visited: nothing can be
    said then of how much the choice between them matters.
    """
    values_N, parents = values(tree), np.array(tree.parent)
    seen = np.flatnonzero(~np.isnan(values_N))
    seen = seen[seen > 0]
    highest_N, lowest_N = np.full(len(tree), -np.inf), np.full(len(tree), np.inf)
    np.maximum.at(highest_N, parents[seen], values_N[seen])
    np.minimum.at(lowest_N, parents[seen], values_N[seen])
    several_N = np.bincount(parents[seen], minlength=len(tree)) > 1
    spreads_N = np.full(len(tree), np.nan)
    np.subtract(highest_N, lowest_N, out=spreads_N, where=several_N)
    return np.concatenate([[np.nan], spreads_N[parents[1:]]])


def rank(delta: float, visits: int) -> float:
    """How far V would move at a step had ``PRIOR_VISITS`` more visits brought its parent's value, in [0, 2].

    With c of them the step's V becomes (N V + c V_parent) / (N + c), so that |V - V_parent| shrinks by N / (N + c).
    """
    return abs(delta) * visits / (visits + PRIOR_VISITS)


def most_critical(trees: Iterable[SearchTree], count: int, min_visits: int = 2) -> list[CriticalStep]:
    """The ``count`` steps of highest ``rank``, the most critical first.

    Steps with fewer than ``min_visits`` visits are left out, for one value says little; ties go to more visits, then to
    the earlier tree and node. Trees are read one at a time.
    """
    ranked = _ranked(trees, count, min_visits)
    return heapq.nlargest(count, ranked, key=lambda row: (rank(row.delta, row.visits), row.visits))


def by_text(steps: Iterable[CriticalStep]) -> list[list[CriticalStep]]:
    """The steps in groups: the same text, and V moves the same way at it. Groups and steps keep their order."""
    groups: dict[tuple[str, bool], list[CriticalStep]] = {}
    for step in steps:
        groups.setdefault((step.text, step.delta < 0), []).append(step)
    return list(groups.values())


def _ranked(trees: Iterable[SearchTree], count: int, min_visits: int) -> Iterator[CriticalStep]:
    """Of each tree no more rows than could come into the list."""
    for number, tree in enumerate(trees):
        deltas_N, spreads_N, values_N = criticality(tree), sibling_spread(tree), values(tree)
        visits_N = np.array(tree.visits)
        known = np.flatnonzero(~np.isnan(deltas_N) & (visits_N >= min_visits))
        ranks = [rank(delta, n) for delta, n in zip(deltas_N[known].tolist(), visits_N[known].tolist(), strict=True)]
        order = np.lexsort((known, -visits_N[known], -np.array(ranks)))
        for node in known[order[:count]].tolist():
            yield CriticalStep(
                tree.problem.id, number, node, tree.depth[node], tree.step(node).text,
                delta=float(deltas_N[node]), spread=float(spreads_N[node]), visits=tree.visits[node],
                value=float(values_N[node]), parent_value=float(values_N[tree.parent[node]]),
            )  # fmt: skip
