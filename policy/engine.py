"""What an engine is: prompt token ids in, sampled token ids with their log-probs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable


class Finish(StrEnum):
    """Why a generation ended: a stop string, the end-of-text token, or the length limit."""

    STOP = "stop"
    END = "end"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. Temperature 0: the most likely token. ``top_p``: only the smallest set of that mass."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 64
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """``count`` generations after one prompt. The seed fixes them, whatever else is in the batch."""

    prompt_ids: tuple[int, ...]
    count: int
    sampling: Sampling
    seed: int


@dataclass(frozen=True, slots=True)
class Generation:
    """Sampled token ids (the end token included) and their log-probs in nats at temperature 1, untruncated."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish: Finish


@dataclass(slots=True)
class EngineCounts:
    """Work done so far, in tokens.

    ``generated`` were sampled, ``prefilled`` were read as prompt, ``cached`` are prompt tokens that needed no reading
    because their keys and values were kept. Hit rate: cached / (cached + prefilled). ``reread`` are those of the
    prefilled that an engine had read before and dropped, where it knows.
    """

    generated: int = 0
    prefilled: int = 0
    cached: int = 0
    reread: int = 0


class Engine(Protocol):
    """Samples a policy. Answers are in the order of the requests, ``count`` generations each."""

    counts: EngineCounts

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]: ...


@runtime_checkable
class StreamingEngine(Engine, Protocol):
    """An engine that requests enter and leave at any time. A ticket names a request; each is used once at a time.

    ``receive`` waits until at least one submitted request is complete and returns all that are, in any order.
    ``close`` gives the memory back.
    """

    def submit(self, ticket: int, request: GenerateRequest) -> None: ...

    def receive(self) -> list[tuple[int, list[Generation]]]: ...

    def close(self) -> None: ...


def answer_all(engine: StreamingEngine, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
    """``generate`` in terms of ``submit`` and ``receive``, while no other request is under way."""
    for ticket, request in enumerate(requests):
        engine.submit(ticket, request)
    answers: dict[int, list[Generation]] = {}
    while len(answers) < len(requests):
        answers.update(engine.receive())
    return [answers[ticket] for ticket in range(len(requests))]
