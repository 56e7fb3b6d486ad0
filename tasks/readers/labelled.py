"""Solutions whose steps were judged, and pairs of which one was preferred: what public data sets hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

Label = float | None
"""Of a step: 1 right, 0 neither, -1 wrong, between them a degree (2p - 1 of a probability p); None: not judged."""


@dataclass(frozen=True, slots=True)
class LabelledSolution:
    """A solution in steps with a label each. Raises ValueError for labels that do not fit the steps.

    ``answer`` is the problem's reference answer, empty where the data set has none; ``meta`` holds what else the row
    says, so that it can be written again. ``token_ids`` are those of each step as it was sampled; empty where the text
    is all there is.
    """

    prompt: str
    steps: tuple[str, ...]
    labels: tuple[Label, ...]
    answer: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    token_ids: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.labels):
            raise ValueError(f"{len(self.labels)} labels do not fit {len(self.steps)} steps")
        if self.token_ids and len(self.token_ids) != len(self.steps):
            raise ValueError(f"token ids of {len(self.token_ids)} steps do not fit {len(self.steps)} steps")
        if not self.steps:
            raise ValueError("there is no step")
        for label in self.labels:
            # A bool is an int to Python, and a label that was cast by mistake is what must not slip through.
            if label is not None and (isinstance(label, bool) or not -1 <= label <= 1):
                raise ValueError(f"a label must lie in [-1, 1], got {label!r}")
        for token in chain.from_iterable(self.token_ids):
            if isinstance(token, bool) or not isinstance(token, int) or token < 0:
                raise ValueError(f"a token id must be a whole number of at least 0, got {token!r}")

    @property
    def reward(self) -> float | None:
        """The verdict on the whole, in [0, 1]: ``reward`` of our files, ``final_answer_correct`` of ProcessBench."""
        found = self.meta.get("reward", self.meta.get("final_answer_correct"))
        return float(found) if isinstance(found, int | float) and 0 <= found <= 1 else None

    @property
    def first_error(self) -> int:
        """Index of the first step with a negative label, -1 if there is none (ProcessBench's convention)."""
        return next((at for at, label in enumerate(self.labels) if label is not None and label < 0), -1)


@dataclass(frozen=True, slots=True)
class PreferredText:
    """After a prompt (and what was written so far), ``chosen`` was preferred to ``rejected``."""

    prompt: str
    chosen: str
    rejected: str
    meta: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.chosen == self.rejected:
            raise ValueError("chosen and rejected are the same text")


def labels_until(steps: int, first_error: int) -> tuple[Label, ...]:
    """Right before the first error, wrong there, not judged after it; all right for -1."""
    if not -1 <= first_error < steps:
        raise ValueError(f"the first error is at step {first_error}, but there are {steps} steps")
    if first_error == -1:
        return (1.0,) * steps
    return (1.0,) * first_error + (-1.0,) + (None,) * (steps - first_error - 1)
