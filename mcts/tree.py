"""The search tree: a struct of arrays, 40 bytes of statistics per node.

Node 0 is the root and has no step. A node's children are made in one expansion and lie side by side, so
``first_child`` and ``child_count`` name them all. Parents come before their children.

**Q = value_sum / visits for every node, in every mode** (0 while unvisited). ``visits`` counts the values that were
backed up through a node; a score that counts as one pseudo-visit (rStar-Math 3.3) is entered as the node's own
first visit and goes to no ancestor, which gives Q = (score + sum of values) / (1 + n). Hence, for every node,

    visits - pseudo-visit = values backed up from the node itself + sum over children of (visits - pseudo-visit)

``back_up_max`` keeps ``value_sum = visits * Q`` with another Q, so a rule never asks how values were backed up.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mcts.history import History
from mcts.step import Step
from mcts.trajectory import Trajectory
from tasks.problem import Outcome, Problem, Verdict


@dataclass(frozen=True, slots=True)
class Node:
    """One node as it stands now. ``step`` is None at the root; ``score`` is None where nothing was scored."""

    index: int
    parent: int
    children: range
    depth: int
    step: Step | None
    visits: int
    value_sum: float
    q: float
    prior: float
    score: float | None
    verdict: Verdict | None
    is_terminal: bool


class SearchTree:
    """A problem and its nodes. Only the search writes; everything else reads.

    The arrays are public for reading: ``parent`` (-1 at the root), ``first_child`` (0 without children),
    ``child_count``, ``depth``, ``visits``, ``value_sum``, ``prior``, ``score`` (NaN: none). ``verdicts`` and
    ``dead_ends`` hold the terminal nodes that have one, or are one. ``history``, where the search kept one, says in
    which order values came.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.parent = array("i", [-1])
        self.first_child = array("i", [0])
        self.child_count = array("H", [0])
        self.depth = array("H", [0])
        self.visits = array("i", [0])
        self.value_sum = array("d", [0.0])
        self.prior = array("d", [1.0])
        self.score = array("d", [math.nan])
        self.steps: list[Step | None] = [None]
        self.verdicts: dict[int, Verdict] = {}
        self.dead_ends: set[int] = set()
        self.history: History | None = None

    def __len__(self) -> int:
        return len(self.parent)

    # Reading

    def q(self, node: int) -> float:
        """Q in [-1, 1]; 0 for a node that was never visited."""
        visits = self.visits[node]
        return self.value_sum[node] / visits if visits else 0.0

    def step(self, node: int) -> Step:
        """The step of a node below the root."""
        step = self.steps[node]
        if step is None:
            raise ValueError("the root has no step")
        return step

    def children(self, node: int) -> range:
        """The children of a node, in the order in which they were first sampled."""
        first = self.first_child[node]
        return range(first, first + self.child_count[node])

    def is_terminal(self, node: int) -> bool:
        """Does the path end here: with a final step, or in a dead end?"""
        step = self.steps[node]
        return (step is not None and step.is_final) or node in self.dead_ends

    def terminals(self) -> list[int]:
        """Every node where a path ends, dead ends included."""
        return [node for node in range(len(self)) if self.is_terminal(node)]

    def path(self, node: int) -> list[int]:
        """The nodes from below the root to ``node``, which comes last. Empty for the root."""
        nodes = []
        while node:
            nodes.append(node)
            node = self.parent[node]
        return nodes[::-1]

    def prefix(self, node: int) -> tuple[Step, ...]:
        """The steps from below the root to ``node``, whose step comes last."""
        return tuple(self.step(n) for n in self.path(node))

    def node(self, index: int) -> Node:
        """A frozen view of one node."""
        score = self.score[index]
        return Node(
            index=index,
            parent=self.parent[index],
            children=self.children(index),
            depth=self.depth[index],
            step=self.steps[index],
            visits=self.visits[index],
            value_sum=self.value_sum[index],
            q=self.q(index),
            prior=self.prior[index],
            score=None if math.isnan(score) else score,
            verdict=self.verdicts.get(index),
            is_terminal=self.is_terminal(index),
        )

    def trajectory(self, node: int) -> Trajectory:
        """The path to ``node`` with its Qs and verdict."""
        nodes = tuple(self.path(node))
        qs = tuple(self.q(n) for n in nodes)
        return Trajectory(self.problem.id, nodes, self.prefix(node), qs, self.verdicts.get(node))

    def trajectories(self) -> list[Trajectory]:
        """The paths to all terminal nodes below the root, dead ends included (their verdict is None)."""
        return [self.trajectory(node) for node in self.terminals() if node]

    def best_path(self) -> list[int]:
        """From the root always the visited child with the highest Q; ties go to more visits, then the lower index."""
        node, nodes = 0, []
        while visited := [child for child in self.children(node) if self.visits[child]]:
            node = max(visited, key=lambda child: (self.q(child), self.visits[child], -child))
            nodes.append(node)
        return nodes

    @property
    def solved(self) -> bool:
        """Does any path end in a correct answer?"""
        return any(verdict.outcome is Outcome.CORRECT for verdict in self.verdicts.values())

    # Writing: the search alone

    def add_children(self, parent: int, steps: Sequence[Step], priors: Sequence[float]) -> range:
        """Expand ``parent``: all its children at once, unvisited. ValueError if it is expanded or terminal."""
        count = len(steps)
        if self.child_count[parent] or self.is_terminal(parent):
            raise ValueError(f"node {parent} is expanded already, or terminal")
        if len(priors) != count:
            raise ValueError(f"{count} steps came with {len(priors)} priors")
        first = len(self.parent)
        self.first_child[parent] = first if count else 0
        self.child_count[parent] = count
        ints, shorts, zeros, nans = _blank(count)
        self.parent.extend(array("i", (parent,)) * count)
        self.first_child.extend(ints)
        self.child_count.extend(shorts)
        self.depth.extend(array("H", (self.depth[parent] + 1,)) * count)
        self.visits.extend(ints)
        self.value_sum.extend(zeros)
        self.prior.extend(priors)
        self.score.extend(nans)
        self.steps.extend(steps)
        return range(first, first + count)

    def set_score(self, node: int, score: float, *, pseudo_visit: bool) -> None:
        """Record the evaluator's score, in [-1, 1]; with ``pseudo_visit`` it also counts as the node's first visit."""
        self.score[node] = score
        if pseudo_visit:
            self.visits[node] += 1
            self.value_sum[node] += score

    def back_up_mean(self, node: int, value: float, discount: float = 1.0) -> None:
        """Add a value to ``node`` and, multiplied by ``discount`` per edge, to all its ancestors."""
        visits, value_sum, parent = self.visits, self.value_sum, self.parent
        while node >= 0:
            visits[node] += 1
            value_sum[node] += value
            value *= discount
            node = parent[node]

    def back_up_max(self, node: int, value: float, discount: float = 1.0) -> None:
        """Like ``back_up_mean``, but Q is the best value seen below; a score counts only until there is one."""
        while node >= 0:
            visits = self.visits[node]
            is_first = visits == 0 or (visits == 1 and not math.isnan(self.score[node]))
            best = value if is_first else max(value, self.value_sum[node] / visits)
            self.visits[node] = visits + 1
            self.value_sum[node] = best * (visits + 1)
            value *= discount
            node = self.parent[node]


@cache
def _blank(count: int) -> tuple[array[int], array[int], array[float], array[float]]:
    """Columns of ``count`` new nodes. An array extends another by copying memory, a list entry by entry."""
    return array("i", [0]) * count, array("H", [0]) * count, array("d", [0.0]) * count, array("d", [math.nan]) * count
