"""Whole solutions, sampled independently of each other: what best-of-N, votes and pass@N choose from.

Each solution is a request of its own with a seed of its own, so the first n of N solutions are those of a search for n.
In the tree equal beginnings are one path, which the PPM reads once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from mcts.config import Backup
from mcts.searcher import PpmSearch
from mcts.sprout import Sprout, Sprouts, place, plant
from mcts.step import Continuation, Step
from mcts.waves import DEAD_END
from tasks.problem import Problem
from tasks.seeding import derive_seed


class WholeSolutions(PpmSearch):
    """Samples ``count`` solutions of at most ``max_depth`` steps; each step is scored if ``scored``.

    ``ends`` then has the last node of each, in the order of their seeds; None for one without a valid step.
    """

    def __init__(self, problem: Problem, count: int, max_depth: int, seed: int, *, scored: bool) -> None:
        super().__init__(problem, needs_evaluator=scored)
        self.ends: list[int | None] = []
        self._continuations: list[Continuation] = [()] * count
        self._missing = count
        for index in range(count):
            own = derive_seed(seed, problem.id, "whole", index)
            self._questions.ask_proposals((), 1, max_depth, own, partial(self._take, index))

    def _take(self, index: int, continuations: Sequence[Continuation]) -> None:
        self._continuations[index] = continuations[0] if continuations else ()
        self.stats.candidates += len(continuations)
        self._missing -= 1
        if not self._missing:
            self._plant()

    def _plant(self) -> None:
        first: Sprouts = {}
        new, repeated = plant(first, [steps for steps in self._continuations if steps], 1, merge=True)
        self.stats.expansions = 1
        self.stats.duplicates = repeated
        for sprout in new:
            if not sprout.below and not sprout.step.is_final:  # cut short by a length limit
                sprout.end = DEAD_END
        self._score((), new, partial(self._finish, first, new))

    def _finish(self, first: Sprouts, new: Sequence[Sprout]) -> None:
        self._back_up_ends(0, new)
        if not first:
            self.tree.dead_ends.add(0)
        level = {0: first} if first else {}
        while level:
            below: dict[int, Sprouts] = {}
            for node, sprouts in level.items():
                children = place(self.tree, node, sprouts, Backup.MEAN)
                below |= {child: s.below for child, s in zip(children, sprouts.values(), strict=True) if s.below}
            level = below
        self.ends = [self._last_node(steps) for steps in self._continuations]
        self.done = True

    def _last_node(self, steps: Continuation) -> int | None:
        node = 0
        for step in steps:
            name = (step.text, step.is_final)
            node = next(c for c in self.tree.children(node) if _name(self.tree.step(c)) == name)
        return node or None


def _name(step: Step) -> tuple[str, bool]:
    return step.text, step.is_final
