"""What a grader is given, what it may use, and what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tasks.problem import Outcome, Verdict, Verifier
from tasks.sandbox.execution import Sandbox, Tier


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to grade: a whole ``completion``, or a bare final ``answer`` that somebody has read from one.

    ``reference`` is the right answer as text; ``meta`` holds whatever else a grader needs (tests, a world, premises),
    JSON-able. Raises ValueError if there is neither a completion nor an answer.
    """

    id: str
    prompt: str = ""
    reference: str = ""
    completion: str | None = None
    answer: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.completion is None and self.answer is None:
            raise ValueError(f"item {self.id}: there must be a completion or an answer")

    @property
    def text(self) -> str:
        """All that there is to read: the completion, else the answer."""
        return self.answer or "" if self.completion is None else self.completion

    def data(self, name: str) -> Any:
        """What a grader needs besides: ``meta[name]``, else that key of a reference that is a JSON object; or None."""
        if name in self.meta:
            return self.meta[name]
        if not self.reference.lstrip().startswith("{"):
            return None
        try:
            found = json.loads(self.reference)
        except (ValueError, RecursionError):
            return None
        return found.get(name) if isinstance(found, dict) else None


class Grader(Protocol):
    """Says what an item is worth. It raises UserError only for what is wrong with the grader, never for an item."""

    def grade(self, item: Item) -> Verdict: ...


class LogProbs(Protocol):
    """A language model as a measure of text. Many graders may share one."""

    def log_prob(self, context: str, text: str) -> tuple[float, int]:
        """The natural log-probability of ``text`` behind ``context`` (maybe empty), and its number of tokens.

        ValueError if the two are too long for the model.
        """
        ...


@dataclass(frozen=True)
class Resources:
    """What graders need beyond their config. A sandbox is opened when the first program is to run."""

    tier: Tier = Tier.AUTO  # what confines programs
    sandbox: Sandbox | None = None  # runs them; None: one of ``tier`` is opened
    log_probs: LogProbs | None = None  # for ``reconstruction``
    verifier: Verifier | None = None  # the task's own, for ``task``
    folder: Path = field(default_factory=Path)  # what a relative path in a grader's config starts from

    def open_sandbox(self, seconds: float | None = None) -> Sandbox:
        """The sandbox, maybe with a limit of its own on a program's time; UserError where none can be had."""
        if self.sandbox is not None:
            return self.sandbox
        from tasks.sandbox.limits import Limits
        from tasks.sandbox.open import open_sandbox

        return open_sandbox(self.tier, None if seconds is None else Limits(seconds=seconds))


def graded(reward: float, pass_at: float = 1.0, parts: Mapping[str, float] | None = None, note: str = "") -> Verdict:
    """A reward as a verdict: correct from ``pass_at`` on, else wrong. Rewards beyond [0, 1] are clipped."""
    reward = min(1.0, max(0.0, reward))
    # Sums of weights such as 0.1 + 0.2 + 0.7 may end a rounding below 1.
    return Verdict(Outcome.CORRECT if reward >= pass_at - 1e-9 else Outcome.WRONG, reward, parts or {}, note)


def unverifiable(note: str) -> Verdict:
    """The solution could not be read."""
    return Verdict(Outcome.UNVERIFIABLE, 0.0, note=note)


def failed(note: str) -> Verdict:
    """The grader could not do its work: nobody knows whether the solution is right."""
    return Verdict(Outcome.ERROR, 0.0, note=note)
