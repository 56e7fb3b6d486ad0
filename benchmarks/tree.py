"""What a tree costs: nodes of a whole search on models that cost nothing, simulations and bytes of the bare tree.

``python -m benchmarks.tree`` (half a minute). Seconds are the process's own, for the machine may do other things; they
still depend on the processor. So the bare tree is also compared, in turns and on the same values, with what one would
write first: a slotted object per node, grown to the same tree. A simulation at 1e5 nodes selects on five levels of
eight children, expands eight and backs up over six nodes.

A rollout of a whole search goes down to a final step, seven selections deep. In a large tree more of these lie in what
is there already, so a rollout adds fewer nodes and each bears more of its cost: hence the ratio per rollout as well.
"""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Sequence
from random import Random
from time import process_time

from benchmarks.report import Row, measured, write_report
from mcts.config import SearchConfig
from mcts.lockstep import search_lockstep
from mcts.rules import uct
from mcts.scripted import ScriptedVerifier
from mcts.search import Search
from mcts.step import Continuation, ProposeRequest, Step
from mcts.tree import SearchTree
from tasks.problem import Problem

REPEATS = 7
WIDTH = 8
SMALL_ROLLOUTS, LARGE_ROLLOUTS = 16, 1600
C = 2.0
FINAL_DEPTH = 7  # 8 ** 7 leaves: no tree here comes near its end
AT_NODES = 100_000
BLOCK = 300  # simulations timed at a time
PROBLEM = Problem("bench/0/0", "?", "")
STEPS = [Step(str(i)) for i in range(WIDTH)]
PRIORS = [1 / WIDTH] * WIDTH
VALUES = [Random(0).choice((-1.0, 1.0)) for _ in range(65536)]


class FreeProposer:
    """Hands out steps that are there already."""

    def __init__(self) -> None:
        self._open: list[Continuation] = [(step,) for step in STEPS]
        self._final: list[Continuation] = [(Step(step.text, is_final=True),) for step in STEPS]

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        return [self._final if len(request.prefix) == FINAL_DEPTH - 1 else self._open for request in requests]


def driver_cost(trees: int, rollouts: int) -> tuple[float, float]:
    """Microseconds per node of the driver, the search and the scripted models together, and nodes per tree."""
    verifier = ScriptedVerifier(lambda problem, text: float(text[-1] == "0"))
    config = SearchConfig(rollouts=rollouts, width=WIDTH)
    nodes = 0

    def count(search: Search) -> None:
        nonlocal nodes
        nodes += len(search.tree)

    searches = (Search(PROBLEM, config, seed, verifier) for seed in range(trees))
    started = process_time()
    search_lockstep(searches, FreeProposer(), slots=32, on_done=count)
    return (process_time() - started) / nodes * 1e6, nodes / trees


class ArrayArm:
    """Simulations in the library's tree."""

    def __init__(self) -> None:
        self.tree = SearchTree(PROBLEM)
        self.done = 0

    def simulate(self, count: int) -> None:
        tree = self.tree
        for _ in range(count):
            node = 0
            while tree.child_count[node]:
                node = uct(tree, node, C, None)
            tree.add_children(node, STEPS, PRIORS)
            tree.back_up_mean(node, VALUES[self.done % len(VALUES)])
            self.done += 1

    def statistics(self) -> list[tuple[int, float]]:
        """Visits and value sum of every node, level by level."""
        tree, nodes = self.tree, [0]
        for node in nodes:
            nodes.extend(tree.children(node))
        return [(tree.visits[node], tree.value_sum[node]) for node in nodes]


class SlottedNode:
    """A node as an object."""

    __slots__ = ("children", "depth", "parent", "prior", "score", "step", "value_sum", "visits")

    def __init__(self, parent: SlottedNode | None, step: Step | None, prior: float) -> None:
        self.parent, self.step, self.prior = parent, step, prior
        self.depth: int = parent.depth + 1 if parent else 0
        self.children: Sequence[SlottedNode] = ()
        self.visits, self.value_sum, self.score = 0, 0.0, math.nan

    def select(self) -> SlottedNode:
        explore = C * math.sqrt(math.log(self.visits or 1))
        best, best_child = -math.inf, self.children[0]
        for child in self.children:
            if not child.visits:
                return child
            value = child.value_sum / child.visits + explore / math.sqrt(child.visits)
            if value > best:
                best, best_child = value, child
        return best_child


class SlottedArm:
    """The same simulations over slotted objects."""

    def __init__(self) -> None:
        self.root = SlottedNode(None, None, 1.0)
        self.done = 0

    def simulate(self, count: int) -> None:
        for _ in range(count):
            node = self.root
            while node.children:
                node = node.select()
            node.children = [SlottedNode(node, step, prior) for step, prior in zip(STEPS, PRIORS, strict=True)]
            value = VALUES[self.done % len(VALUES)]
            up: SlottedNode | None = node
            while up is not None:
                up.visits += 1
                up.value_sum += value
                up = up.parent
            self.done += 1

    def nodes(self) -> list[SlottedNode]:
        """Every node, level by level."""
        nodes = [self.root]
        for node in nodes:
            nodes.extend(node.children)
        return nodes

    def statistics(self) -> list[tuple[int, float]]:
        """Visits and value sum of every node, level by level."""
        return [(node.visits, node.value_sum) for node in self.nodes()]

    def bytes_per_node(self) -> float:
        """Objects, lists of children and value sums; small numbers and what a node shares with others are free."""
        nodes = self.nodes()
        parts = [sys.getsizeof(node) + (sys.getsizeof(0.0) if node.visits else 0) for node in nodes]
        return (sum(parts) + sum(sys.getsizeof(node.children) for node in nodes if node.children)) / len(nodes)


def timed(arm: ArrayArm | SlottedArm) -> float:
    """Microseconds per simulation over one block."""
    started = process_time()
    arm.simulate(BLOCK)
    return (process_time() - started) / BLOCK * 1e6


def simulation_rows() -> list[Row]:
    """Both arms grown to AT_NODES, then timed in turn, without garbage collection: it would hit the objects' arm."""
    arrays, slotted = ArrayArm(), SlottedArm()
    for arm in (arrays, slotted):
        arm.simulate(AT_NODES // WIDTH)
    gc.disable()
    times = [(timed(arrays), timed(slotted)) for _ in range(3 * REPEATS)]
    gc.enable()
    if arrays.statistics() != slotted.statistics():
        raise SystemExit("the two trees disagree: the comparison is void")
    return [
        measured("us per simulation at 1e5 nodes (select, expand 8, back up)", [a for a, _ in times], at_most=10),
        measured("the same over slotted objects", [b for _, b in times]),
        measured("us per simulation, the tree / slotted objects", [a / b for a, b in times], at_most=10 / 9),
        measured("bytes per node of the slotted objects", [slotted.bytes_per_node()]),
    ]


def bytes_per_node(nodes: int = 1_000_000) -> float:
    """Bytes of the statistics' arrays, spare room at their ends included."""
    tree = SearchTree(PROBLEM)
    for parent in range(nodes // WIDTH):
        tree.add_children(parent, STEPS, PRIORS)
    columns = (tree.parent, tree.first_child, tree.child_count, tree.depth)
    values = (tree.visits, tree.value_sum, tree.prior, tree.score)
    return sum(map(sys.getsizeof, (*columns, *values))) / len(tree)


def main() -> None:
    """Measure, write, print."""
    small, large = [], []
    for _ in range(REPEATS):
        small.append(driver_cost(trees=8, rollouts=SMALL_ROLLOUTS))
        large.append(driver_cost(trees=1, rollouts=LARGE_ROLLOUTS))
    ratios = [a / b for (a, _), (b, _) in zip(large, small, strict=True)]
    small_nodes, large_nodes = small[0][1], large[0][1]
    added = (large_nodes / LARGE_ROLLOUTS) / (small_nodes / SMALL_ROLLOUTS)  # nodes per rollout, large / small
    rows = [
        measured(f"driver us per node, trees of {small_nodes:.0f} nodes", [cost for cost, _ in small], at_most=50),
        measured(f"driver us per node, a tree of {large_nodes:.0f} nodes", [cost for cost, _ in large], at_most=50),
        measured("large tree / small trees, per node", ratios, at_most=1.5),
        measured("large tree / small trees, per rollout", [ratio * added for ratio in ratios]),
        *simulation_rows(),
        measured("bytes of statistics per node at 1e6 nodes", [bytes_per_node()], at_most=48),
    ]
    write_report("tree", rows)


if __name__ == "__main__":
    main()
