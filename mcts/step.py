"""What travels between a search and the models: steps, and the requests a search makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tasks.problem import Problem


@dataclass(frozen=True, slots=True)
class Step:
    """One reasoning step as it was sampled.

    ``token_ids`` and ``logprobs`` (nats, one per token, of the sampling engine at temperature 1) have equal
    length. ``is_final``: the solution ends here. ``observation``: the output of executed code, if any, as the policy is
    shown it; ``observation_ids`` are its tokens. They stand in every later prefix, but nobody sampled them: they have
    no log-probs and are never trained on.
    """

    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[float, ...] = ()
    is_final: bool = False
    observation: str = ""
    observation_ids: tuple[int, ...] = ()

    @property
    def context_ids(self) -> tuple[int, ...]:
        """What the step adds to a prefix: its own tokens, then those of what was observed."""
        return self.token_ids + self.observation_ids


def joined(steps: Sequence[Step]) -> tuple[int, ...]:
    """The steps as a model reads them: sampled tokens and observations, one step after the other."""
    return tuple(token for step in steps for token in step.context_ids)


def observed(steps: Sequence[Step]) -> tuple[tuple[int, int], ...]:
    """The stretches [start, end) of ``joined`` that are observations: read, and never trained on."""
    found, place = [], 0
    for step in steps:
        start, place = place + len(step.token_ids), place + len(step.context_ids)
        if place > start:
            found.append((start, place))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class ProposeRequest:
    """Ask for ``count`` continuations of a prefix, each of at most ``max_steps`` steps (None: to the end).

    ``seed`` belongs to this request alone, so an answer does not depend on which driver asked or when.
    ``key`` identifies the request within its search.
    """

    key: int
    problem: Problem
    prefix: tuple[Step, ...]
    count: int
    max_steps: int | None
    seed: int


@dataclass(frozen=True, slots=True)
class ScoreRequest:
    """Ask for the value of a prefix that ends in the step to be judged."""

    key: int
    problem: Problem
    prefix: tuple[Step, ...]


Continuation = tuple[Step, ...]


class Proposer(Protocol):
    """A policy seen from the search. Answers in the order of the requests, ``count`` continuations each.

    Invalid candidates (a step whose code failed) are left out, so an answer may be shorter, or empty.
    """

    def propose(self, requests: Sequence[ProposeRequest]) -> list[list[Continuation]]: ...


@runtime_checkable
class StreamingProposer(Protocol):
    """A policy whose requests enter and leave at any time. A ticket names a request; the driver gives each one once.

    ``receive`` waits until at least one submitted request is complete and returns all that are, each as (ticket,
    continuations as in ``Proposer``), in any order. It is called only while a submitted request is unanswered.
    """

    def submit(self, ticket: int, request: ProposeRequest) -> None: ...

    def receive(self) -> list[tuple[int, list[Continuation]]]: ...


class Evaluator(Protocol):
    """A process model seen from the search: one value in [-1, 1] per request, in order."""

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]: ...
