"""Requests that wait for their rows to begin, in the order in which they may, and how many may without a full cache."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from policy.engine import GenerateRequest, Generation


@dataclass(slots=True)
class Asked:
    """A request and what has become of its rows: how many have begun, how many go on, and the answers of the rest."""

    ticket: int
    request: GenerateRequest
    limit: int  # tokens a generation may have: the request's limit, or less where the model's context ends
    begun: int = 0
    under_way: int = 0
    answers: dict[int, Generation] = field(default_factory=dict)

    @property
    def generations(self) -> list[Generation] | None:
        """All of them in order, once they are there."""
        count = self.request.count
        return [self.answers[number] for number in range(count)] if len(self.answers) == count else None


class Waiting:
    """The line of requests before a cache of ``capacity`` tokens.

    Of the requests that wait when the line is empty, those with short prompts come first: paths of like length are
    computed with less padding. Later ones line up behind them, so nothing waits for ever.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._arrived: list[Asked] = []
        self._line: deque[Asked] = deque()
        self._reserved = 0  # tokens that the rows under way may come to need, were they to share nothing

    def __bool__(self) -> bool:
        return bool(self._line or self._arrived)

    def add(self, asked: Asked) -> None:
        """A request whose prompt and limit fit into the cache."""
        assert len(asked.request.prompt_ids) + asked.limit <= self.capacity
        self._arrived.append(asked)

    def begin(self, free: int) -> tuple[Asked, range] | None:
        """The next rows to begin, at most ``free``: a request and their numbers. None: nothing waits, or may begin."""
        if not self._line:
            self._line.extend(sorted(self._arrived, key=lambda asked: len(asked.request.prompt_ids)))
            self._arrived = []
        if not self._line:
            return None
        asked = self._line[0]
        spare = self.capacity - self._reserved - self._prompt_tokens(asked)
        count = min(free, asked.request.count - asked.begun, max(0, spare // asked.limit))
        if not count:
            return None
        self._reserved += count * asked.limit + self._prompt_tokens(asked)
        numbers = range(asked.begun, asked.begun + count)
        asked.begun += count
        asked.under_way += count
        if asked.begun == asked.request.count:
            self._line.popleft()
        return asked, numbers

    def end(self, asked: Asked) -> None:
        """One of the request's rows has ended."""
        asked.under_way -= 1
        self._reserved -= asked.limit + self._prompt_tokens(asked)

    def _prompt_tokens(self, asked: Asked) -> int:
        """What the request's prompt needs besides: nothing as long as other rows of it keep it in memory."""
        return 0 if asked.under_way else len(asked.request.prompt_ids)
