"""The streaming driver: every answer goes back to its search the moment it is there.

A long step holds up only its own tree, so the engine's batch stays full. Scores are asked for in one batch of all that
are wanted at that moment, before the next wait for proposals.

With one rollout in flight per tree (``in_flight=1``) a search has nothing to choose between two of its own answers, so
the trees are those of the lock-step driver, unless the engine's numbers depend on what else it computes at the time.
With more, the order of the answers decides where the next rollout looks: trees then depend on the engine's timing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Generic

from mcts.driver import AnySearch, DriverStats, Slots
from mcts.step import Evaluator, ProposeRequest, ScoreRequest, StreamingProposer


def search_streaming(
    searches: Iterable[AnySearch],
    proposer: StreamingProposer,
    evaluator: Evaluator | None = None,
    *,
    slots: int = 64,
    on_done: Callable[[AnySearch], None] | None = None,
) -> DriverStats:
    """Run all searches to their end, ``slots`` at a time; ``on_done`` gets each as it finishes.

    ``searches`` is read lazily. Raises ValueError if a search needs an evaluator and there is none, or if the proposer
    answers what it was not asked, or nothing at all.
    """
    started = perf_counter()
    driver = _Streaming(Slots(searches, evaluator, slots, on_done), proposer)
    driver.run()
    driver.stats.total_seconds = perf_counter() - started
    return driver.stats


class _Streaming(Generic[AnySearch]):
    """What is asked for and not answered yet, over all searches."""

    def __init__(self, slots: Slots[AnySearch], proposer: StreamingProposer) -> None:
        self.stats = slots.stats
        self._slots = slots
        self._proposer = proposer
        self._tickets = 0
        self._open: dict[int, tuple[AnySearch, ProposeRequest]] = {}  # by ticket
        self._scores: list[tuple[AnySearch, ScoreRequest]] = []

    def run(self) -> None:
        self._look_at(self._slots.admit())
        while self._slots.taken:
            answered = self._answer_scores() if self._scores else self._receive()
            self._look_at(list(dict.fromkeys(answered)))

    def _look_at(self, searches: list[AnySearch]) -> None:
        """Ask for what these searches want. One that is done gives its slot to a waiting one."""
        while searches:
            for search in searches:
                if search.done:
                    self._slots.leave(search)
                else:
                    self._ask(search)
            searches = self._slots.admit()

    def _ask(self, search: AnySearch) -> None:
        wanted = search.requests()
        self._scores.extend((search, request) for request in wanted.score)
        started = perf_counter()
        for request in wanted.propose:
            self._tickets += 1
            self._open[self._tickets] = (search, request)
            self._proposer.submit(self._tickets, request)
            self.stats.propose_requests += 1
            self.stats.candidates_asked += request.count
        self.stats.proposer_seconds += perf_counter() - started

    def _answer_scores(self) -> list[AnySearch]:
        asked, self._scores = self._scores, []
        self._slots.answer_scores(asked)
        return [search for search, _ in asked]

    def _receive(self) -> list[AnySearch]:
        """Wait for proposals and hand them on; returns whose they were."""
        assert self._open, "no search wants anything, yet none is done"
        self.stats.waves += 1
        started = perf_counter()
        answers = self._proposer.receive()
        self.stats.proposer_seconds += perf_counter() - started
        if not answers:
            raise ValueError(f"the proposer received nothing while {len(self._open)} requests are open")
        searches = []
        for ticket, continuations in answers:
            if ticket not in self._open:
                raise ValueError(f"the proposer answered ticket {ticket}, which is not open")
            search, request = self._open.pop(ticket)
            search.feed_proposals(request.key, continuations)
            searches.append(search)
        return searches
