"""The lock-step driver: many searches, one batch of proposals and one of scores per wave.

A search that is done is replaced by a waiting one, so the batches stay full until the waiting ones run out. For
engines that compute padded batches. Which searches share a wave never changes a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from time import perf_counter

from mcts.search import Search
from mcts.step import Evaluator, Proposer, ProposeRequest, ScoreRequest


@dataclass(slots=True)
class DriverStats:
    """What a driver asked for and where the wall-clock seconds went."""

    searches: int = 0
    waves: int = 0
    propose_requests: int = 0
    candidates_asked: int = 0
    score_requests: int = 0
    total_seconds: float = 0.0
    proposer_seconds: float = 0.0
    evaluator_seconds: float = 0.0
    verifier_seconds: float = 0.0

    @property
    def bookkeeping_seconds(self) -> float:
        """Everything outside the models and the verifier: selection, trees, requests, ``on_done``."""
        return self.total_seconds - self.proposer_seconds - self.evaluator_seconds - self.verifier_seconds


def search_lockstep(
    searches: Iterable[Search],
    proposer: Proposer,
    evaluator: Evaluator | None = None,
    *,
    slots: int = 64,
    on_done: Callable[[Search], None] | None = None,
) -> DriverStats:
    """Run all searches to their end, ``slots`` at a time; ``on_done`` gets each as it finishes.

    ``searches`` is read lazily. Raises ValueError if a search needs an evaluator and there is none, or if an answer
    does not have one entry per request.
    """
    if slots < 1:
        raise ValueError(f"slots must be at least 1, got {slots}")
    driver = _Lockstep(proposer, evaluator)
    started = perf_counter()
    waiting = iter(searches)
    active: list[Search] = []
    while True:
        for search in islice(waiting, slots - len(active)):
            if search.needs_evaluator and evaluator is None:
                raise ValueError(f"mode {search.config.mode} needs an evaluator")
            active.append(search)
        if not active:
            break
        driver.wave(active)
        finished = [search for search in active if search.done]
        active = [search for search in active if not search.done]
        for search in finished:
            driver.stats.searches += 1
            driver.stats.verifier_seconds += search.stats.verifier_seconds
            if on_done is not None:
                on_done(search)
    driver.stats.total_seconds = perf_counter() - started
    return driver.stats


class _Lockstep:
    """What is asked for and not answered yet, over all searches."""

    def __init__(self, proposer: Proposer, evaluator: Evaluator | None) -> None:
        self.stats = DriverStats()
        self._proposer = proposer
        self._evaluator = evaluator
        self._proposals: list[tuple[Search, ProposeRequest]] = []
        self._scores: list[tuple[Search, ScoreRequest]] = []

    def wave(self, active: list[Search]) -> None:
        """One batch of proposals, then one of all scores that are wanted by now."""
        self.stats.waves += 1
        self._collect(active)
        assert self._proposals or self._scores, "no search wants anything, yet none is done"
        self._answer_proposals()
        self._collect(active)
        self._answer_scores()

    def _collect(self, active: list[Search]) -> None:
        for search in active:
            wanted = search.requests()
            self._proposals.extend((search, request) for request in wanted.propose)
            self._scores.extend((search, request) for request in wanted.score)

    def _answer_proposals(self) -> None:
        asked, self._proposals = self._proposals, []
        if not asked:
            return
        started = perf_counter()
        answers = self._proposer.propose([request for _, request in asked])
        self.stats.proposer_seconds += perf_counter() - started
        self.stats.propose_requests += len(asked)
        for (search, request), continuations in zip(asked, answers, strict=True):
            self.stats.candidates_asked += request.count
            search.feed_proposals(request.key, continuations)

    def _answer_scores(self) -> None:
        asked, self._scores = self._scores, []
        if not asked:
            return
        assert self._evaluator is not None
        started = perf_counter()
        values = self._evaluator.score([request for _, request in asked])
        self.stats.evaluator_seconds += perf_counter() - started
        self.stats.score_requests += len(asked)
        for (search, request), value in zip(asked, values, strict=True):
            search.feed_score(request.key, value)
