"""What a search has asked and was not told yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mcts.step import Continuation, ProposeRequest, ScoreRequest, Step
from tasks.errors import UserError
from tasks.problem import Problem

ProposalHandler = Callable[[Sequence[Continuation]], None]
ScoreHandler = Callable[[float], None]


@dataclass(slots=True)
class Requests:
    """What a search wants to know now."""

    propose: list[ProposeRequest] = field(default_factory=list)
    score: list[ScoreRequest] = field(default_factory=list)


class Questions:
    """The requests of one search: each is handed out once and answered once, in any order."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._keys = 0
        self._new = Requests()
        self._proposals: dict[int, tuple[int, ProposalHandler]] = {}
        self._scores: dict[int, ScoreHandler] = {}

    def hand_out(self) -> Requests:
        """What was not handed out yet."""
        wanted, self._new = self._new, Requests()
        return wanted

    def ask_proposals(
        self, prefix: tuple[Step, ...], count: int, max_steps: int, seed: int, handler: ProposalHandler
    ) -> None:
        """Ask for continuations; ``handler`` gets them."""
        self._keys += 1
        self._proposals[self._keys] = (max_steps, handler)
        self._new.propose.append(ProposeRequest(self._keys, self._problem, prefix, count, max_steps, seed))

    def ask_score(self, prefix: tuple[Step, ...], handler: ScoreHandler) -> None:
        """Ask for the value of a prefix; ``handler`` gets it."""
        self._keys += 1
        self._scores[self._keys] = handler
        self._new.score.append(ScoreRequest(self._keys, self._problem, prefix))

    def answer_proposals(self, key: int, continuations: Sequence[Continuation]) -> None:
        """Raises ValueError for a key that is not open, and for a continuation that breaks its request."""
        if key not in self._proposals:
            raise ValueError(f"no open propose request has key {key}")
        most, handler = self._proposals[key]
        for continuation in continuations:
            if not 1 <= len(continuation) <= most:
                wanted = "one step" if most == 1 else f"1 to {most} steps"
                raise ValueError(f"a continuation of {len(continuation)} steps answers a request for {wanted}")
            if len(continuation) > 1 and any(step.is_final for step in continuation[:-1]):
                raise ValueError("a continuation goes on after a final step")
        del self._proposals[key]
        handler(continuations)

    def answer_score(self, key: int, value: float) -> None:
        """Raises ValueError for a key that is not open, UserError for a value that is no finite number in [-1, 1]."""
        if key not in self._scores:
            raise ValueError(f"no open score request has key {key}")
        if not (math.isfinite(value) and -1 <= value <= 1):
            raise UserError(
                f"problem {self._problem.id}: the evaluator gave the score {value}, but scores must lie in [-1, 1]; "
                "check the process model's weights"
            )
        self._scores.pop(key)(value)
