"""What the search itself costs: nodes of a whole search on models that cost nothing, simulations in the bare tree.

``python -m benchmarks.search_bookkeeping`` (half a minute). Times in microseconds depend on the machine, so the bare
tree is also compared, in the same run and on the same values, with the plain Python way of one slotted object per node.
"""

from __future__ import annotations

import gc
import math
import sys
from collections.abc import Sequence
from random import Random
from time import perf_counter

from benchmarks.report import Row, measured, write_report
from mcts.config import SearchConfig
from mcts.lockstep import DriverStats, search_lockstep
from mcts.rules import uct
from mcts.scripted import ScriptedVerifier
from mcts.search import Search
from mcts.step import Continuation, ProposeRequest, Step
from mcts.tree import SearchTree
from tasks.problem import Problem

REPEATS = 7
WIDTH = 8
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
    """Microseconds of bookkeeping per node, and nodes per tree."""
    verifier = ScriptedVerifier(lambda problem, text: float(text[-1] == "0"))
    config = SearchConfig(rollouts=rollouts, width=WIDTH)
    nodes = 0

    def count(search: Search) -> None:
        nonlocal nodes
        nodes += len(search.tree)

    searches = (Search(PROBLEM, config, seed, verifier) for seed in range(trees))
    stats: DriverStats = search_lockstep(searches, FreeProposer(), slots=32, on_done=count)
    return stats.bookkeeping_seconds / nodes * 1e6, nodes / trees


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

    def visits(self) -> list[int]:
        return [self.tree.visits[child] for child in self.tree.children(0)]


class SlottedNode:
    """A node as an object: what one would write first."""

    __slots__ = ("children", "depth", "parent", "prior", "score", "step", "value_sum", "visits")

    def __init__(self, parent: SlottedNode | None, step: Step | None, prior: float) -> None:
        self.parent, self.step, self.prior = parent, step, prior
        self.depth: int = parent.depth + 1 if parent else 0
        self.children: list[SlottedNode] = []
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

    def visits(self) -> list[int]:
        return [child.visits for child in self.root.children]


def timed(arm: ArrayArm | SlottedArm) -> float:
    """Microseconds per simulation over one block."""
    started = perf_counter()
    arm.simulate(BLOCK)
    return (perf_counter() - started) / BLOCK * 1e6


def simulation_rows() -> list[Row]:
    """Both arms grown to AT_NODES, then timed in turn, without garbage collection: it would hit the objects' arm."""
    arrays, slotted = ArrayArm(), SlottedArm()
    for arm in (arrays, slotted):
        arm.simulate(AT_NODES // WIDTH)
    gc.disable()
    times = [(timed(arrays), timed(slotted)) for _ in range(3 * REPEATS)]
    gc.enable()
    if arrays.visits() != slotted.visits():
        raise SystemExit("the two trees disagree: the comparison is void")
    return [
        measured("us per simulation at 1e5 nodes (select, expand 8, back up)", [a for a, _ in times], at_most=10),
        measured("the same over slotted objects, us", [b for _, b in times]),
        measured("ratio to slotted objects", [a / b for a, b in times], at_most=10 / 9),
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
        small.append(driver_cost(trees=8, rollouts=16))
        large.append(driver_cost(trees=1, rollouts=1600))
    rows = [
        measured(f"driver us per node, trees of {small[0][1]:.0f} nodes", [cost for cost, _ in small], at_most=50),
        measured(f"driver us per node, a tree of {large[0][1]:.0f} nodes", [cost for cost, _ in large], at_most=50),
        measured(
            "large tree / small trees, per node",
            [a / b for (a, _), (b, _) in zip(large, small, strict=True)],
            at_most=1.5,
        ),
        *simulation_rows(),
        measured("bytes of statistics per node at 1e6 nodes", [bytes_per_node()], at_most=48),
    ]
    write_report("search_bookkeeping", rows)


if __name__ == "__main__":
    main()
