"""What every arm of a comparison may spend."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.options import Option


class Unit(Option):
    """What a budget counts."""

    TOKENS = "tokens"  # computed by any model: generated, read, scored or trained on
    FLOPS = "flops"  # the same tokens, each by what it costs
    SECONDS = "seconds"  # by the clock: differs from machine to machine


@dataclass
class Budget:
    """Exactly one is set. A token trained on costs three times one sampled, so FLOPs compare arms most fairly."""

    tokens: float | None = None  # computed by any model: generated, read, scored or trained on
    flops: float | None = None  # 2 N per token read or sampled, 6 N per token trained on
    seconds: float | None = None  # by the clock: differs from machine to machine

    def check(self) -> None:
        """Raise UserError unless exactly one limit is set and it is above 0."""
        found = {unit: value for unit in Unit if (value := getattr(self, unit)) is not None}
        if len(found) != 1:
            named = " and ".join(f"budget.{unit}" for unit in found) or "none"
            raise UserError(f"set exactly one of budget.tokens, budget.flops and budget.seconds, got {named}")
        for unit, value in found.items():
            if not 0 < value < math.inf:
                raise UserError(f"budget.{unit} must be a number above 0, got {value}")

    @property
    def unit(self) -> Unit:
        """What is counted."""
        self.check()
        return next(unit for unit in Unit if getattr(self, unit) is not None)

    @property
    def amount(self) -> float:
        """How much of it there is."""
        return float(getattr(self, self.unit))
