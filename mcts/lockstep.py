"""The lock-step driver: many searches, one batch of proposals and one of scores per wave.

A search that is done is replaced by a waiting one, so the batches stay full until the waiting ones run out. For
engines that compute padded batches. Which searches share a wave never changes a tree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Generic

from mcts.driver import AnySearch, DriverStats, Slots
from mcts.step import Evaluator, Proposer, ProposeRequest, ScoreRequest


def search_lockstep(
    searches: Iterable[AnySearch],
    proposer: Proposer,
    evaluator: Evaluator | None = None,
    *,
    slots: int = 64,
    on_done: Callable[[AnySearch], None] | None = None,
) -> DriverStats:
    """Run all searches to their end, ``slots`` at a time; ``on_done`` gets each as it finishes.

    ``searches`` is read lazily. Raises ValueError if a search needs an evaluator and there is none, or if an answer
    does not have one entry per request.
    """
    started = perf_counter()
    driver = _Lockstep(Slots(searches, evaluator, slots, on_done), proposer)
    driver.run()
    driver.stats.total_seconds = perf_counter() - started
    return driver.stats


class _Lockstep(Generic[AnySearch]):
    """What is asked for and not answered yet, over all searches."""

    def __init__(self, slots: Slots[AnySearch], proposer: Proposer) -> None:
        self.stats = slots.stats
        self._slots = slots
        self._proposer = proposer
        self._proposals: list[tuple[AnySearch, ProposeRequest]] = []
        self._scores: list[tuple[AnySearch, ScoreRequest]] = []

    def run(self) -> None:
        active = self._slots.admit()
        while active:
            self._wave(active)
            for search in active:
                if search.done:
                    self._slots.leave(search)
            active = [search for search in active if not search.done] + self._slots.admit()

    def _wave(self, active: list[AnySearch]) -> None:
        """One batch of proposals, then one of all scores that are wanted by now."""
        self.stats.waves += 1
        self._collect(active)
        assert self._proposals or self._scores, "no search wants anything, yet none is done"
        self._answer_proposals()
        self._collect(active)
        asked, self._scores = self._scores, []
        if asked:
            self._slots.answer_scores(asked)

    def _collect(self, active: list[AnySearch]) -> None:
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
