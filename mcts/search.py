"""The search of one problem as a state machine that owns no model.

It says what it wants to know (``requests``), is told the answers in any order (``feed_proposals``, ``feed_score``), and
knows when it is ``done``. Every request carries its own seed, so no driver can change the tree.

A rollout goes from the root to a node that is not expanded yet by the selection rule, and expands it:

- Children that end a path are valued at once, each one time; siblings that do not end stay for later rollouts.
- If none does, ``config.simulation`` decides how the rollout comes to a value.
- A rollout that reaches a terminal node again backs its known value up again.

A rollout that learnt no value (no path ended and no score was at hand) backs up nothing: a made-up 0 would dilute
every Q above it. So ``visits`` of the root is the number of values backed up: at least one a rollout with
``simulation=tree`` or ``end``, possibly fewer otherwise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter

from mcts.config import Backup, Mode, SearchConfig, Simulation
from mcts.rules import RULES
from mcts.step import Continuation, ProposeRequest, ScoreRequest, Step
from mcts.trajectory import solution_text
from mcts.tree import SearchTree
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Verdict, Verifier
from tasks.seeding import derive_seed


@dataclass(slots=True)
class Requests:
    """What a search wants to know now."""

    propose: list[ProposeRequest] = field(default_factory=list)
    score: list[ScoreRequest] = field(default_factory=list)


@dataclass(slots=True)
class SearchStats:
    """What a search has done. ``verdicts`` counts every finding, simulated solutions included."""

    rollouts: int = 0
    expansions: int = 0
    candidates: int = 0
    duplicates: int = 0
    simulations: int = 0
    simulations_correct: int = 0
    verdicts: Counter[Outcome] = field(default_factory=Counter)
    verifier_seconds: float = 0.0


def verdict_value(verdict: Verdict) -> float:
    """A verdict as a value in [-1, 1]: 2 r - 1; a solution that could not be judged counts as failed (-1)."""
    if verdict.outcome in (Outcome.UNVERIFIABLE, Outcome.ERROR):
        return -1.0
    return 2.0 * verdict.reward - 1.0


class Search:
    """Grows ``tree`` for ``config.rollouts`` rollouts.

    ``seed`` may be shared by many problems: each request's seed is derived from it, the problem's id and the node.
    ``verifier`` must be None in inference mode, and only there. Raises ValueError otherwise.
    """

    def __init__(self, problem: Problem, config: SearchConfig, seed: int, verifier: Verifier | None) -> None:
        if (verifier is None) != (config.mode is Mode.INFERENCE):
            raise ValueError(f"mode {config.mode} must {'not ' if verifier else ''}be given a verifier")
        self.problem = problem
        self.config = config
        self.tree = SearchTree(problem)
        self.stats = SearchStats()
        self._seed = seed
        self._verifier = verifier
        self._rule = RULES[config.rule]
        self._add_value = self.tree.back_up_max if config.backup is Backup.MAX else self.tree.back_up_mean
        self._terminal_values: dict[int, float] = {}
        self._outbox = Requests()
        self._keys = 0
        self._proposal_handlers: dict[int, Callable[[Sequence[Continuation]], None]] = {}
        self._score_handlers: dict[int, Callable[[float], None]] = {}
        self._scores_missing: dict[int, int] = {}  # by expanded node
        self._start_rollout()

    @property
    def done(self) -> bool:
        return self.stats.rollouts >= self.config.rollouts

    @property
    def needs_evaluator(self) -> bool:
        """Will this search make score requests?"""
        return self.config.mode is not Mode.TERMINAL_GUIDED

    def requests(self) -> Requests:
        """What is wanted and has not been handed out yet."""
        wanted, self._outbox = self._outbox, Requests()
        return wanted

    def feed_proposals(self, key: int, continuations: Sequence[Continuation]) -> None:
        """Answer a propose request. Raises ValueError for a key that is not open."""
        if key not in self._proposal_handlers:
            raise ValueError(f"no open propose request has key {key}")
        self._proposal_handlers.pop(key)(continuations)

    def feed_score(self, key: int, value: float) -> None:
        """Answer a score request. Raises UserError for a value that is not a finite number in [-1, 1]."""
        if key not in self._score_handlers:
            raise ValueError(f"no open score request has key {key}")
        if not (math.isfinite(value) and -1 <= value <= 1):
            raise UserError(
                f"problem {self.problem.id}: the evaluator gave the score {value}, but scores must lie in [-1, 1]; "
                "check the process model's weights"
            )
        self._score_handlers.pop(key)(value)

    # Rollouts

    def _start_rollout(self) -> None:
        """Start rollouts until one needs an answer."""
        while not self.done:
            node = self._select(0)
            if node not in self._terminal_values:
                self._ask_expansion(node)
                return
            self._add_value(node, self._terminal_values[node], self.config.discount)
            self.stats.rollouts += 1

    def _end_rollout(self) -> None:
        self.stats.rollouts += 1
        self._start_rollout()

    def _back_up(self, node: int, value: float) -> None:
        self._add_value(node, value, self.config.discount)
        self._end_rollout()

    def _select(self, node: int) -> int:
        tree, rule, c, first_play = self.tree, self._rule, self.config.c, self.config.first_play
        while tree.child_count[node]:
            node = rule(tree, node, c, first_play)
        return node

    # Expansion

    def _ask_expansion(self, node: int) -> None:
        seed = derive_seed(self._seed, self.problem.id, "expand", node)
        self._ask_proposals(self.tree.prefix(node), self.config.width, 1, seed, partial(self._expand, node))

    def _expand(self, node: int, continuations: Sequence[Continuation]) -> None:
        steps, priors = self._candidates(continuations)
        self.stats.expansions += 1
        if not steps:
            self._mark_dead_end(node)
            self._back_up(node, self.config.dead_end_value)
            return
        children = self.tree.add_children(node, steps, priors)
        is_too_deep = self.tree.depth[node] + 1 >= self.config.max_depth
        for child, step in zip(children, steps, strict=True):
            if step.is_final and self._verifier is not None:
                verdict = self._verify(self.tree.prefix(child))
                self.tree.verdicts[child] = verdict
                self._terminal_values[child] = verdict_value(verdict)
            elif is_too_deep and not step.is_final:
                self._mark_dead_end(child)
        unscored = [child for child in children if child not in self._terminal_values] if self.needs_evaluator else []
        if not unscored:
            self._after_expansion(node)
            return
        self._scores_missing[node] = len(unscored)
        prefix = self.tree.prefix(node)
        for child in unscored:
            self._ask_score((*prefix, self.tree.step(child)), partial(self._score_child, node, child))

    def _candidates(self, continuations: Sequence[Continuation]) -> tuple[list[Step], list[float]]:
        """Distinct steps in order of appearance, and the share of the candidates that each stands for."""
        total = len(continuations)
        self.stats.candidates += total
        steps: list[Step] = []
        for continuation in continuations:
            if len(continuation) != 1:
                raise ValueError(f"a continuation of {len(continuation)} steps answers a request for one step")
            steps.append(continuation[0])
        if not self.config.merge_duplicates:
            return steps, [1 / total for _ in steps]
        distinct: dict[tuple[str, bool], Step] = {}
        counts: dict[tuple[str, bool], int] = {}
        for step in steps:
            name = (step.text, step.is_final)
            distinct.setdefault(name, step)
            counts[name] = counts.get(name, 0) + 1
        self.stats.duplicates += total - len(distinct)
        return list(distinct.values()), [count / total for count in counts.values()]

    def _mark_dead_end(self, node: int) -> None:
        self.tree.dead_ends.add(node)
        self._terminal_values[node] = self.config.dead_end_value

    def _score_child(self, node: int, child: int, score: float) -> None:
        is_final = self.tree.step(child).is_final  # then (inference mode) the score is its value, not a start value
        self.tree.set_score(child, score, pseudo_visit=not is_final)
        if is_final:
            self._terminal_values[child] = score
        self._scores_missing[node] -= 1
        if not self._scores_missing[node]:
            del self._scores_missing[node]
            self._after_expansion(node)

    def _after_expansion(self, node: int) -> None:
        ended = [child for child in self.tree.children(node) if child in self._terminal_values]
        if ended:
            for child in ended:
                self._add_value(child, self._terminal_values[child], self.config.discount)
            self._end_rollout()
        elif self.config.simulation is Simulation.TREE:
            self._ask_expansion(self._select(node))
        elif self.config.simulation is not Simulation.NONE:
            self._ask_simulation(self._select(node))
        elif math.isnan(self.tree.score[node]):
            self._end_rollout()
        else:
            self._back_up(node, self.tree.score[node])

    # Simulation, outside the tree

    def _ask_simulation(self, node: int) -> None:
        limit = self.config.max_depth - self.tree.depth[node]
        if self.config.simulation is Simulation.STEPS:
            limit = min(limit, self.config.simulation_steps)
        seed = derive_seed(self._seed, self.problem.id, "simulate", node)
        self._ask_proposals(self.tree.prefix(node), 1, limit, seed, partial(self._value_simulation, node))

    def _value_simulation(self, node: int, continuations: Sequence[Continuation]) -> None:
        path = self.tree.prefix(node) + (continuations[0] if continuations else ())
        has_grown = len(path) > self.tree.depth[node]
        self.stats.simulations += 1
        if path[-1].is_final and self._verifier is not None:
            verdict = self._verify(path)
            self.stats.simulations_correct += verdict.outcome is Outcome.CORRECT
            self._back_up(node, verdict_value(verdict))
        elif path[-1].is_final:
            self._ask_score(path, partial(self._back_up, node))
        elif not has_grown or len(path) >= self.config.max_depth or self.config.simulation is Simulation.END:
            self._back_up(node, self.config.dead_end_value)
        elif self.needs_evaluator:
            self._ask_score(path, partial(self._back_up, node))
        else:
            self._end_rollout()

    # Asking

    def _verify(self, path: tuple[Step, ...]) -> Verdict:
        assert self._verifier is not None
        started = perf_counter()
        verdict = self._verifier.verify(self.problem, solution_text(path))
        self.stats.verifier_seconds += perf_counter() - started
        self.stats.verdicts[verdict.outcome] += 1
        return verdict

    def _ask_proposals(
        self,
        prefix: tuple[Step, ...],
        count: int,
        max_steps: int,
        seed: int,
        handler: Callable[[Sequence[Continuation]], None],
    ) -> None:
        self._keys += 1
        self._proposal_handlers[self._keys] = handler
        self._outbox.propose.append(ProposeRequest(self._keys, self.problem, prefix, count, max_steps, seed))

    def _ask_score(self, prefix: tuple[Step, ...], handler: Callable[[float], None]) -> None:
        self._keys += 1
        self._score_handlers[self._keys] = handler
        self._outbox.score.append(ScoreRequest(self._keys, self.problem, prefix))
