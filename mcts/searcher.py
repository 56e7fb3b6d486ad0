"""What a driver needs of a search, and what all searches have in common that are guided by PPM scores alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from mcts.questions import Questions, Requests
from mcts.search import SearchStats
from mcts.sprout import Sprout
from mcts.step import Continuation, Step
from mcts.tree import SearchTree
from tasks.problem import Problem


class Searcher(Protocol):
    """The search of one problem as a state machine that owns no model. ``mcts.search.Search`` is one."""

    @property
    def problem(self) -> Problem: ...
    @property
    def tree(self) -> SearchTree: ...
    @property
    def stats(self) -> SearchStats: ...
    @property
    def done(self) -> bool: ...
    @property
    def needs_evaluator(self) -> bool: ...

    def requests(self) -> Requests:
        """What is wanted and has not been handed out yet."""
        ...

    def feed_proposals(self, key: int, continuations: Sequence[Continuation]) -> None:
        """Answer a propose request."""
        ...

    def feed_score(self, key: int, value: float) -> None:
        """Answer a score request."""
        ...


class PpmSearch:
    """A search that sees no verdict: scores come from the PPM, or (``needs_evaluator=False``) there are none.

    Their trees read like those of an inference search: a step's score is its first visit, a final step's score is a
    value that goes up to the root.
    """

    def __init__(self, problem: Problem, *, needs_evaluator: bool = True) -> None:
        self.problem = problem
        self.tree = SearchTree(problem)
        self.stats = SearchStats()
        self.done = False
        self.needs_evaluator = needs_evaluator
        self._questions = Questions(problem)

    def requests(self) -> Requests:
        """What is wanted and has not been handed out yet."""
        return self._questions.hand_out()

    def feed_proposals(self, key: int, continuations: Sequence[Continuation]) -> None:
        """Answer a propose request. Raises ValueError for a key that is not open or an answer that does not fit."""
        self._questions.answer_proposals(key, continuations)

    def feed_score(self, key: int, value: float) -> None:
        """Answer a score request. Raises UserError for a value that is not a finite number in [-1, 1]."""
        self._questions.answer_score(key, value)

    def _score(self, prefix: tuple[Step, ...], sprouts: Sequence[Sprout], then: Callable[[], None]) -> None:
        """Have the steps after ``prefix`` scored, dead ends left out; ``then`` is called when all scores are there."""
        unscored = [sprout for sprout in sprouts if sprout.end is None] if self.needs_evaluator else []
        missing = len(unscored)

        def enter(sprout: Sprout, score: float) -> None:
            nonlocal missing
            sprout.score = score
            missing -= 1
            if not missing:
                then()

        for sprout in unscored:
            self._questions.ask_score(prefix + sprout.path(), partial(enter, sprout))
        if not unscored:
            then()

    def _back_up_ends(self, node: int, sprouts: Sequence[Sprout]) -> None:
        """Give the score of each scored final step to all that lie above it; ``node``'s children are not placed yet."""
        for sprout in sprouts:
            if sprout.step.is_final and sprout.score == sprout.score:  # not NaN
                sprout.back_up(sprout.score, 1.0)
                self.tree.back_up_mean(node, sprout.score)
