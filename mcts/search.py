"""The search of one problem as a state machine that owns no model.

It says what it wants to know (``requests``), is told the answers in any order (``feed_proposals``, ``feed_score``), and
knows when it is ``done``. Every request carries its own seed, so with one rollout in flight no driver can change the
tree.

A rollout goes from the root to a node that is not expanded yet by the selection rule, and expands it:

- Candidates that end a path are valued at once, each one time; whatever does not end stays for later rollouts.
- If none does, ``config.simulation`` decides how the rollout comes to a value.
- A rollout that reaches a terminal node again backs its known value up again.

A candidate is the next step (``expansion=step``) or the whole rest of the solution (``continuation``), whose value goes
to each node on its path and on up to the root. A node that such a path runs through is no less unexpanded for it: the
first rollout that comes to it expands it, and what was sampled before counts among its candidates (mcts/sprout.py).

With ``in_flight`` > 1 that many rollouts are under way at once, kept apart by virtual loss (mcts/virtual_loss.py). One
that comes to a node under expansion *waits*: it leaves its virtual loss on its path, so that others look elsewhere, and
starts again from the root with the next answer. No two ask for the same expansion, and a rollout is counted when it
ends, so there are never more than ``rollouts``. Between two answers at most ``in_flight`` rollouts start: those that
reach known ends would otherwise use up the budget while the first expansion is still under way.

A rollout that learnt no value (no path ended and no score was at hand) backs up nothing: a made-up 0 would dilute
every Q above it. So ``visits`` of the root is the number of values backed up: at least one a rollout with
``simulation=tree`` or ``end``, possibly fewer otherwise. ``tree.history`` has them in order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from mcts.config import Backup, Expansion, Mode, SearchConfig, Simulation
from mcts.history import History
from mcts.questions import Questions, Requests
from mcts.rules import RULES
from mcts.sprout import Sprout, Sprouts, place, plant
from mcts.step import Continuation, Step
from mcts.trajectory import solution_text
from mcts.tree import SearchTree
from mcts.virtual_loss import VirtualLoss
from tasks.problem import Outcome, Problem, Verdict, Verifier
from tasks.seeding import derive_seed


@dataclass(slots=True)
class SearchStats:
    """What a search has done. ``verdicts`` counts every finding, simulated solutions included.

    ``waits``: rollouts that came to a node under expansion. ``duplicates``: candidates without a step of their own.
    """

    rollouts: int = 0
    waits: int = 0
    expansions: int = 0
    candidates: int = 0
    duplicates: int = 0
    simulations: int = 0
    simulations_correct: int = 0
    verdicts: Counter[Outcome] = field(default_factory=Counter)
    verifier_seconds: float = 0.0


@dataclass(slots=True)
class _Growth:
    """What an expansion of ``node`` brought: the trie below it, the new part of that, and how many scores it awaits."""

    node: int
    first: Sprouts
    new: list[Sprout]
    missing: int


def verdict_value(verdict: Verdict) -> float:
    """A verdict as a value in [-1, 1]: 2 r - 1; a solution that could not be judged counts as failed (-1)."""
    if verdict.outcome in (Outcome.UNVERIFIABLE, Outcome.ERROR):
        return -1.0
    return 2.0 * verdict.reward - 1.0


class Search:
    """Grows ``tree`` for ``config.rollouts`` rollouts; the tree is whole once the search is ``done``.

    ``seed`` may be shared by many problems: each request's seed is derived from it, the problem's id and the node.
    ``verifier`` must be None in inference mode, and only there. Raises ValueError otherwise.
    """

    def __init__(self, problem: Problem, config: SearchConfig, seed: int, verifier: Verifier | None) -> None:
        if (verifier is None) != (config.mode is Mode.INFERENCE):
            raise ValueError(f"mode {config.mode} must {'not ' if verifier else ''}be given a verifier")
        self.problem = problem
        self.config = config
        self.tree = SearchTree(problem)
        self.tree.history = self._history = History(config.backup, config.discount)
        self.stats = SearchStats()
        self._seed = seed
        self._verifier = verifier
        self._rule = RULES[config.rule]
        self._add_value = self.tree.back_up_max if config.backup is Backup.MAX else self.tree.back_up_mean
        self._terminal_values: dict[int, float] = {}
        self._sprouts: dict[int, Sprouts] = {}  # by unexpanded node, where there are any
        self._under_way = 0  # rollouts
        self._expanding: set[int] = set()
        self._held = VirtualLoss(self.tree, self._rule, config.c, config.first_play)
        self._questions = Questions(problem)
        self._start_rollouts()

    @property
    def done(self) -> bool:
        return self.stats.rollouts >= self.config.rollouts

    @property
    def needs_evaluator(self) -> bool:
        """Will this search make score requests?"""
        return self.config.mode is not Mode.TERMINAL_GUIDED

    def requests(self) -> Requests:
        """What is wanted and has not been handed out yet."""
        return self._questions.hand_out()

    def feed_proposals(self, key: int, continuations: Sequence[Continuation]) -> None:
        """Answer a propose request. Raises ValueError for a key that is not open or an answer that does not fit."""
        self._questions.answer_proposals(key, continuations)

    def feed_score(self, key: int, value: float) -> None:
        """Answer a score request. Raises UserError for a value that is not a finite number in [-1, 1]."""
        self._questions.answer_score(key, value)

    def _start_rollouts(self) -> None:
        """Start as many as may be under way, one at least; those that reach a known end are over at once."""
        rollouts, room = self.config.rollouts, self.config.in_flight - self._under_way
        waiting: list[int] = []
        while self.stats.rollouts + self._under_way < rollouts and (room > 0 or not self._under_way):
            room -= 1
            node = self._held.walk()
            if node in self._terminal_values:
                self._add(node, self._terminal_values[node])
                self.stats.rollouts += 1
                continue
            self._held.hold(node)
            if node in self._expanding:
                self.stats.waits += 1
                waiting.append(node)
            else:
                self._under_way += 1
                self._ask_expansion(node)
        for node in waiting:
            self._held.release(node)
        if self.done:
            self._place_rest()

    def _end_rollout(self, node: int) -> None:
        """The rollout that had come to ``node`` is over."""
        self._held.release(node)
        self._under_way -= 1
        self.stats.rollouts += 1
        self._start_rollouts()

    def _back_up(self, node: int, value: float) -> None:
        self._add(node, value)
        self._end_rollout(node)

    def _add(self, node: int, value: float) -> None:
        self._add_value(node, value, self.config.discount)
        self._history.add(self.stats.rollouts + 1, node, value, len(self.tree))

    def _place_rest(self) -> None:
        """Paths whose nodes no rollout came to again belong to the tree too."""
        while self._sprouts:
            level, self._sprouts = self._sprouts, {}
            for node, first in level.items():
                self._place(node, first)

    # Expansion

    def _ask_expansion(self, node: int) -> None:
        self._expanding.add(node)
        limit = 1 if self.config.expansion is Expansion.STEP else self.config.max_depth - self.tree.depth[node]
        seed = derive_seed(self._seed, self.problem.id, "expand", node)
        prefix = self.tree.prefix(node)
        self._questions.ask_proposals(prefix, self.config.width, limit, seed, partial(self._expand, node, prefix))

    def _expand(self, node: int, prefix: tuple[Step, ...], continuations: Sequence[Continuation]) -> None:
        depth = self.tree.depth[node] + 1
        self.stats.expansions += 1
        self.stats.candidates += len(continuations)
        first = self._sprouts.pop(node, {})
        new, repeated = plant(first, continuations, depth, merge=self.config.merge_duplicates)
        self.stats.duplicates += repeated
        if not first:
            self._expanding.remove(node)
            self._mark_dead_end(node)
            self._back_up(node, self.config.dead_end_value)
            return
        for sprout in new:
            self._judge(prefix, sprout)
        unscored = [sprout for sprout in new if sprout.end is None] if self.needs_evaluator else []
        growth = _Growth(node, first, new, len(unscored))
        if not unscored:
            self._after_expansion(growth)
        for sprout in unscored:
            self._questions.ask_score(prefix + sprout.path(), partial(self._score_sprout, growth, sprout))

    def _judge(self, prefix: tuple[Step, ...], sprout: Sprout) -> None:
        if sprout.step.is_final and self._verifier is not None:
            sprout.verdict = self._verify(prefix + sprout.path())
            sprout.end = verdict_value(sprout.verdict)
        elif sprout.depth >= self.config.max_depth and not sprout.step.is_final:
            sprout.end = self.config.dead_end_value

    def _mark_dead_end(self, node: int) -> None:
        self.tree.dead_ends.add(node)
        self._terminal_values[node] = self.config.dead_end_value

    def _score_sprout(self, growth: _Growth, sprout: Sprout, score: float) -> None:
        sprout.score = score
        if sprout.step.is_final:  # inference mode
            sprout.end = score
        growth.missing -= 1
        if not growth.missing:
            self._after_expansion(growth)

    def _after_expansion(self, growth: _Growth) -> None:
        node = growth.node
        self._expanding.remove(node)
        values = [self._enter(sprout, sprout.end, growth) for sprout in growth.new if sprout.end is not None]
        self._place(node, growth.first)
        for value in values:
            self._add_value(node, value, self.config.discount)
        if values:
            self._end_rollout(node)
        elif self.config.simulation is not Simulation.NONE:
            self._go_on(self._rule(self.tree, node, self.config.c, self.config.first_play))
        elif math.isnan(self.tree.score[node]):
            self._end_rollout(node)
        else:
            self._back_up(node, self.tree.score[node])

    def _enter(self, sprout: Sprout, value: float, growth: _Growth) -> float:
        sprout.entry = len(self._history)
        self._history.add(self.stats.rollouts + 1, growth.node, value, len(self.tree) + len(growth.first))
        return sprout.back_up(value, self.config.discount)

    def _place(self, node: int, first: Sprouts) -> None:
        children = place(self.tree, node, first, self.config.backup)
        for child, sprout in zip(children, first.values(), strict=True):
            if sprout.end is not None:
                self._terminal_values[child] = sprout.end
            elif sprout.below:
                self._sprouts[child] = sprout.below

    def _go_on(self, child: int) -> None:
        """A rollout that has learnt nothing by expanding a node goes on from one of its children."""
        self._held.extend(child)
        if child in self._terminal_values:  # an end that an earlier continuation brought
            self._back_up(child, self._terminal_values[child])
            return
        if self.config.simulation is Simulation.TREE:
            self._ask_expansion(child)
        else:
            self._ask_simulation(child)
        self._start_rollouts()  # the node has children now, so others need not wait for it

    # Simulation, outside the tree

    def _ask_simulation(self, node: int) -> None:
        limit = self.config.max_depth - self.tree.depth[node]
        if self.config.simulation is Simulation.STEPS:
            limit = min(limit, self.config.simulation_steps)
        seed = derive_seed(self._seed, self.problem.id, "simulate", node)
        self._questions.ask_proposals(self.tree.prefix(node), 1, limit, seed, partial(self._value_simulation, node))

    def _value_simulation(self, node: int, continuations: Sequence[Continuation]) -> None:
        path = self.tree.prefix(node) + (continuations[0] if continuations else ())
        has_grown = len(path) > self.tree.depth[node]
        self.stats.simulations += 1
        if path[-1].is_final and self._verifier is not None:
            verdict = self._verify(path)
            self.stats.simulations_correct += verdict.outcome is Outcome.CORRECT
            self._back_up(node, verdict_value(verdict))
        elif path[-1].is_final:
            self._questions.ask_score(path, partial(self._back_up, node))
        elif not has_grown or len(path) >= self.config.max_depth or self.config.simulation is Simulation.END:
            self._back_up(node, self.config.dead_end_value)
        elif self.needs_evaluator:
            self._questions.ask_score(path, partial(self._back_up, node))
        else:
            self._end_rollout(node)

    def _verify(self, path: tuple[Step, ...]) -> Verdict:
        assert self._verifier is not None
        started = perf_counter()
        verdict = self._verifier.verify(self.problem, solution_text(path))
        self.stats.verifier_seconds += perf_counter() - started
        self.stats.verdicts[verdict.outcome] += 1
        return verdict
