"""From what a foreign function or a judge says to a reward."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tasks.graders.spec import Spec


@dataclass(frozen=True, slots=True)
class Scale:
    """Scores from ``low`` to ``high`` become rewards from 0 to 1."""

    low: float
    high: float

    def reward(self, score: Any) -> float | None:
        """None for what is no number, and for one beyond the scale."""
        if not isinstance(score, int | float) or not math.isfinite(score) or not self.low <= score <= self.high:
            return None
        return (score - self.low) / (self.high - self.low)

    def clipped(self, score: float) -> float:
        """The reward of a finite score; beyond the scale, its nearer end's."""
        return (min(self.high, max(self.low, score)) - self.low) / (self.high - self.low)

    def complaint(self, score: object) -> str:
        """Why ``reward`` is None."""
        return f"the score {score!r:.60} is no number from {self.low:g} to {self.high:g} (the option range)"


def read_scale(spec: Spec, name: str = "range", default: tuple[float, float] = (0.0, 1.0)) -> Scale:
    """The option ``range: [LOW, HIGH]``."""
    found = spec.raw(name, list(default))
    rule = "two numbers, the lower one first"
    if not isinstance(found, list) or len(found) != 2:
        spec.fail(name, rule)
    for bound in found:
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not abs(bound) <= 1e9:
            spec.fail(name, rule)
    if not found[0] < found[1]:
        spec.fail(name, rule)
    return Scale(float(found[0]), float(found[1]))
