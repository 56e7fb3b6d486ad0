"""How a policy learns from what it samples itself, as options."""

from __future__ import annotations

from dataclasses import dataclass, field

from lm.config import OptimiserConfig
from policy.grpo_config import GrpoConfig
from tasks.errors import UserError
from tasks.options import Option


class EqualGroups(Option):
    """What becomes of a group in which every token's advantage is 0."""

    KEEP = "keep"  # it is trained on: it moves nothing, but counts in the mean
    DROP = "drop"  # it is left out
    RESAMPLE = "resample"  # it is left out, and other problems are sampled in its place (DAPO's dynamic sampling)


@dataclass
class RlConfig:
    """Updates on what the policy has just sampled. ``optimiser`` counts groups; its schedule spans the budget."""

    problems: int = 48  # of an update
    group: int = 8  # trajectories sampled for each
    equal_groups: EqualGroups = EqualGroups.DROP
    optimiser: OptimiserConfig = field(
        default_factory=lambda: OptimiserConfig(learning_rate=1e-3, epochs=1.0, batch_rows=48, micro_rows=16)
    )  # epochs: passes over an update's groups, batch_rows of them a step
    grpo: GrpoConfig = field(default_factory=GrpoConfig)

    def __post_init__(self) -> None:
        for name, least in (("problems", 1), ("group", 2)):
            if getattr(self, name) < least:
                raise UserError(f"rl.{name} must be at least {least}, got {getattr(self, name)}")
