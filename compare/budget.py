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


DEFAULT_FLOPS = 2e12  # as in experiment=lab_compare


@dataclass
class Budget:
    """At most one is set. A token trained on costs three times one sampled, so FLOPs compare arms most fairly.

    The default stands here, not in a field: an option that is set need not take it back first.
    """

    tokens: float | None = None  # computed by any model: generated, read, scored or trained on
    flops: float | None = None  # 2 N per token read or sampled, 6 N per token trained on; none of the three: 2e12
    seconds: float | None = None  # by the clock: differs from machine to machine

    def check(self) -> None:
        """Raise UserError if more than one limit is set, or one that is not above 0."""
        found = self._set()
        if len(found) > 1:
            named = [f"budget.{unit}" for unit in found]
            raise UserError(f"set one of {', '.join(named)}, and not {len(named)}; {named[0]}=null takes one back")
        for unit, value in found.items():
            if not 0 < value < math.inf:
                raise UserError(f"budget.{unit} must be a number above 0, got {value:g}")

    @property
    def unit(self) -> Unit:
        """What is counted."""
        self.check()
        return next(iter(self._set()))

    @property
    def amount(self) -> float:
        """How much of it there is."""
        return self._set()[self.unit]

    def settings(self) -> dict[str, float | None]:
        """The three options as they hold, with the default where none was set."""
        return {str(unit): self._set().get(unit) for unit in Unit}

    def _set(self) -> dict[Unit, float]:
        found = {unit: float(value) for unit in Unit if (value := getattr(self, unit)) is not None}
        return found or {Unit.FLOPS: DEFAULT_FLOPS}
