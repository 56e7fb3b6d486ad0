"""Searches that go down the tree in waves: some nodes are expanded side by side, then it is chosen where to go on.

All nodes of a wave get their children together and in the order in which they were asked for. So, whatever the driver,
the same answers give the same tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from mcts.config import Backup
from mcts.searcher import PpmSearch
from mcts.sprout import Sprout, Sprouts, place, plant
from mcts.step import Continuation
from mcts.votes import Aggregation, node_score
from tasks.problem import Problem
from tasks.seeding import derive_seed

DEAD_END = -1.0
"""What a path's end counts as that gave no answer; nothing is backed up from it."""


@dataclass(frozen=True, slots=True)
class WaveConfig:
    """Sizes of a step-wise search, with the names that search-and-learn gives them in brackets."""

    candidates: int  # sampled per depth of the tree (n)
    width: int = 4  # candidates per step that is kept (beam_width)
    max_depth: int = 16  # steps; a path this long without a final answer is a dead end
    aggregation: Aggregation = Aggregation.LAST  # what candidates are ranked by (agg_strategy)

    def __post_init__(self) -> None:
        for name in ("candidates", "width", "max_depth"):
            if not 1 <= getattr(self, name) <= 65535:
                raise ValueError(f"{name} must lie between 1 and 65535, got {getattr(self, name)}")

    @property
    def kept(self) -> int:
        """How many steps are gone on from per depth: ``candidates / width``, rounded down, at least 1."""
        return max(1, self.candidates // self.width)


def shares(total: int, parts: int) -> list[int]:
    """``total`` in ``parts`` nearly equal parts, the larger ones first."""
    return [total // parts + (index < total % parts) for index in range(parts)]


@dataclass(slots=True)
class _Growth:
    """What is sampled below ``node``. A wave may name a node twice: its candidates are then sampled independently."""

    node: int
    first: Sprouts = field(default_factory=dict)
    new: list[Sprout] = field(default_factory=list)


class WaveSearch(PpmSearch):
    """A search in waves. ``seed`` may be shared by many problems, as in ``mcts.search.Search``.

    A subclass says in ``_go_on`` where the next wave grows; equal candidates of one growth are one child.
    """

    def __init__(self, problem: Problem, config: WaveConfig, seed: int) -> None:
        super().__init__(problem)
        self.config = config
        self._seed = seed
        self._wave: list[_Growth] = []
        self._missing = 0

    def _go_on(self, families: list[range]) -> list[tuple[int, int]]:
        """The next wave, given the new children of each growth of the last one: (node, candidates); empty: done."""
        raise NotImplementedError

    def _score_of(self, node: int) -> float:
        return node_score(self.tree, node, self.config.aggregation)

    def _is_open(self, node: int) -> bool:
        return not self.tree.is_terminal(node)

    def _begin(self, wave: Sequence[tuple[int, int]]) -> None:
        self._wave = [_Growth(node) for node, _ in wave]
        self._missing = len(wave)
        self.done = not wave
        asked: dict[int, int] = {}
        for growth, (node, count) in zip(self._wave, wave, strict=True):
            number = asked[node] = asked.get(node, -1) + 1
            seed = derive_seed(self._seed, self.problem.id, "expand", node, number)
            self._questions.ask_proposals(self.tree.prefix(node), count, 1, seed, partial(self._expand, growth))

    def _expand(self, growth: _Growth, continuations: Sequence[Continuation]) -> None:
        depth = self.tree.depth[growth.node] + 1
        growth.new, repeated = plant(growth.first, continuations, depth, merge=True)
        self.stats.expansions += 1
        self.stats.candidates += len(continuations)
        self.stats.duplicates += repeated
        for sprout in growth.new:
            if depth >= self.config.max_depth and not sprout.step.is_final:
                sprout.end = DEAD_END
        self._score(self.tree.prefix(growth.node), growth.new, self._arrive)

    def _arrive(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._begin(self._go_on(self._place()))

    def _place(self) -> list[range]:
        """The children of each growth, in the order of the wave."""
        by_node: dict[int, list[_Growth]] = {}
        for growth in self._wave:
            by_node.setdefault(growth.node, []).append(growth)
        children: dict[int, range] = {}
        for node, growths in by_node.items():
            new = [sprout for growth in growths for sprout in growth.new]
            self._back_up_ends(node, new)
            if new:
                children[node] = place(self.tree, node, dict(enumerate(new)), Backup.MEAN)
            else:
                children[node] = range(0)
                self.tree.dead_ends.add(node)
        rest = {node: iter(family) for node, family in children.items()}
        return [_next_range(list(islice(rest[growth.node], len(growth.new)))) for growth in self._wave]


def _next_range(nodes: list[int]) -> range:
    return range(nodes[0], nodes[-1] + 1) if nodes else range(0)
