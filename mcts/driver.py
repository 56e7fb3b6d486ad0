"""What all drivers share: which searches are under way, their scores, and an account of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Generic, TypeVar

from mcts.searcher import Searcher
from mcts.step import Evaluator, ScoreRequest

AnySearch = TypeVar("AnySearch", bound=Searcher)


@dataclass(slots=True)
class DriverStats:
    """What a driver asked for and where the wall-clock seconds went. ``waves``: how often it waited for proposals."""

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


class Slots(Generic[AnySearch]):
    """The searches under way, at most ``slots`` of them, and those that wait. ``searches`` is read lazily."""

    def __init__(
        self,
        searches: Iterable[AnySearch],
        evaluator: Evaluator | None,
        slots: int,
        on_done: Callable[[AnySearch], None] | None,
    ) -> None:
        if slots < 1:
            raise ValueError(f"slots must be at least 1, got {slots}")
        self.stats = DriverStats()
        self.taken = 0
        self._waiting = iter(searches)
        self._evaluator = evaluator
        self._slots = slots
        self._on_done = on_done

    def admit(self) -> list[AnySearch]:
        """Searches that now begin. Raises ValueError if one needs an evaluator and there is none."""
        admitted = list(islice(self._waiting, self._slots - self.taken))
        for search in admitted:
            if search.needs_evaluator and self._evaluator is None:
                raise ValueError(f"the search of problem {search.problem.id} needs an evaluator")
        self.taken += len(admitted)
        return admitted

    def leave(self, search: AnySearch) -> None:
        """A search is done."""
        self.taken -= 1
        self.stats.searches += 1
        self.stats.verifier_seconds += search.stats.verifier_seconds
        if self._on_done is not None:
            self._on_done(search)

    def answer_scores(self, asked: list[tuple[AnySearch, ScoreRequest]]) -> None:
        """Have all of them scored in one batch."""
        assert self._evaluator is not None
        started = perf_counter()
        values = self._evaluator.score([request for _, request in asked])
        self.stats.evaluator_seconds += perf_counter() - started
        self.stats.score_requests += len(asked)
        for (search, request), value in zip(asked, values, strict=True):
            search.feed_score(request.key, value)
