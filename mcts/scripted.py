"""Models that follow a script: for tests, and to time a search without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mcts.step import Continuation, Proposer, ProposeRequest, ScoreRequest, Step
from tasks.problem import Outcome, Problem, Verdict

Draw = Callable[[Problem, tuple[Step, ...], np.random.Generator], Step | None]


class ScriptedProposer:
    """A policy made of a function ``draw(problem, prefix, rng) -> Step``; None is a candidate that is not valid.

    ``rng`` is seeded by the request, so an answer does not depend on who asked or when.
    """

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        """Answer each request. A continuation ends at a final step, and where no valid step was drawn."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: ProposeRequest) -> list[Continuation]:
        rng = np.random.default_rng(request.seed)
        answers = [self._continue(request, rng) for _ in range(request.count)]
        return [continuation for continuation in answers if continuation]

    def _continue(self, request: ProposeRequest, rng: np.random.Generator) -> Continuation:
        steps: list[Step] = []
        while (request.max_steps is None or len(steps) < request.max_steps) and not (steps and steps[-1].is_final):
            step = self._draw(request.problem, (*request.prefix, *steps), rng)
            if step is None:
                break
            steps.append(step)
        return tuple(steps)


class TableProposer:
    """A policy without chance: from the text so far ("" at the root) to the candidates, in order.

    A request for more candidates than the table holds gets all of them once; a text that it does not hold has no
    valid continuation. A continuation of several steps follows the first candidate each time.
    """

    def __init__(self, table: Mapping[str, Sequence[Step]]) -> None:
        self._table = table

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]:
        """Answer each request from the table."""
        return [
            [self._follow(request, step) for step in self._candidates(request.prefix)[: request.count]]
            for request in requests
        ]

    def _candidates(self, prefix: Sequence[Step]) -> Sequence[Step]:
        return self._table.get("".join(step.text for step in prefix), ())

    def _follow(self, request: ProposeRequest, first: Step) -> Continuation:
        steps = [first]
        while (request.max_steps is None or len(steps) < request.max_steps) and not steps[-1].is_final:
            candidates = self._candidates((*request.prefix, *steps))
            if not candidates:
                break
            steps.append(candidates[0])
        return tuple(steps)


class ScriptedStream:
    """Any proposer's answers as a stream, in an order of its own: implements ``mcts.step.StreamingProposer``.

    Each time, some of the open requests are complete, drawn by ``seed``; the answers themselves are the proposer's.
    """

    def __init__(self, proposer: Proposer, seed: int) -> None:
        self._proposer = proposer
        self._rng = np.random.default_rng(seed)
        self._open: dict[int, ProposeRequest] = {}

    def submit(self, ticket: int, request: ProposeRequest) -> None:
        """Take a request in."""
        if ticket in self._open:
            raise ValueError(f"ticket {ticket} is open already")
        self._open[ticket] = request

    def receive(self) -> list[tuple[int, list[Continuation]]]:
        """Complete some of the open requests, in a random order."""
        tickets = self._rng.permutation(list(self._open))[: self._rng.integers(1, len(self._open) + 1)].tolist()
        answers = self._proposer.propose([self._open.pop(ticket) for ticket in tickets])
        return list(zip(tickets, answers, strict=True))


class ScriptedEvaluator:
    """A process model made of a function ``value(problem, prefix) -> float``."""

    def __init__(self, value: Callable[[Problem, tuple[Step, ...]], float]) -> None:
        self._value = value

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]:
        """One value per request, in order."""
        return [self._value(request.problem, request.prefix) for request in requests]


class ScriptedVerifier:
    """A verifier made of a function ``reward(problem, solution) -> float`` in [0, 1]; correct means 1."""

    def __init__(self, reward: Callable[[Problem, str], float]) -> None:
        self._reward = reward

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """The verdict that goes with the reward."""
        reward = float(self._reward(problem, solution))
        return Verdict(Outcome.CORRECT if reward == 1 else Outcome.WRONG, reward)
