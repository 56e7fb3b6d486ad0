"""The models that an arm learns beside its policy, as options."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from lm.config import OptimiserConfig
from tasks.errors import UserError
from tasks.options import Option


class Rewards(Option):
    """Who says what a whole solution is worth, where the credit asks."""

    VERIFIER = "verifier"
    REWARD_MODEL = "reward_model"  # a Bradley-Terry model of pairs that the verifier told apart; it stays as it is


class Reads(Option):
    """What of a solution a reward model sees, behind the problem."""

    SOLUTION = "solution"  # all of it
    FINAL_STEP = "final_step"  # its last step alone: what it tells the user (DeepSeek-R1, section 2.3.4)


def _optimiser() -> OptimiserConfig:
    """Of a model that follows the policy: as many groups a step as there are in an update, and no slow beginning."""
    return OptimiserConfig(learning_rate=3e-4, epochs=1.0, batch_rows=48, micro_rows=16, warmup=0.0)


@dataclass
class CriticConfig:
    """The critic of credit ``gae``: a copy of the cold start with a scalar head."""

    optimiser: OptimiserConfig = field(default_factory=_optimiser)  # epochs: passes over an update's groups
    cliprange_value: float = 0.2  # a value moves no further from where it stood when the update began

    def __post_init__(self) -> None:
        _require("critic.cliprange_value", self.cliprange_value)


@dataclass
class ImplicitConfig:
    """The implicit process model of credit ``implicit``: a copy of the cold start against the cold start itself."""

    optimiser: OptimiserConfig = field(default_factory=_optimiser)  # epochs: passes over an update's groups
    beta: float = 0.05  # of the log-ratio, in a token's reward (PRIME's)

    def __post_init__(self) -> None:
        _require("implicit.beta", self.beta)


@dataclass
class RewardModelConfig:
    """The Bradley-Terry model of rewards=reward_model: a copy of the cold start with a scalar head."""

    optimiser: OptimiserConfig = field(
        default_factory=lambda: OptimiserConfig(learning_rate=3e-4, epochs=4.0, batch_rows=16, micro_rows=16)
    )  # epochs: passes over the problems that have a pair


def _require(option: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise UserError(f"{option} must be a number above 0, got {value}")
