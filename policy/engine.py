"""What an engine is: prompt token ids in, sampled token ids with their log-probs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


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
    """Work done so far, in tokens: ``generated`` were sampled, ``prefilled`` were read as prompt."""

    generated: int = 0
    prefilled: int = 0


class Engine(Protocol):
    """Samples a policy. Answers are in the order of the requests, ``count`` generations each."""

    counts: EngineCounts

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]: ...
