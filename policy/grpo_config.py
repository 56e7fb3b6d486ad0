"""The clipped policy-gradient loss, as options. Names are TRL's (``GRPOConfig``) where TRL has the option.

``importance_cap`` is what TRL calls ``vllm_importance_sampling_cap``: here it holds for every engine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.options import Option


class LossType(Option):
    """How token losses are averaged. ``mean`` is over what the optimiser step sees."""

    GRPO = "grpo"  # mean of each trajectory, then over trajectories (arXiv 2402.03300)
    DR_GRPO = "dr_grpo"  # sum over tokens / (trajectories * policy.max_solution_tokens) (arXiv 2503.20783)
    DAPO = "dapo"  # mean over all tokens (arXiv 2503.14476)
    BNPO = "bnpo"  # mean over the tokens of each micro-batch, then over micro-batches


class ImportanceLevel(Option):
    """What the ratio of new to old policy is taken of."""

    TOKEN = "token"  # the token itself
    SEQUENCE = "sequence"  # geometric mean over the trajectory's tokens (GSPO, arXiv 2507.18071)


@dataclass
class GrpoConfig:
    """The loss of an on-policy update; which advantages it is given is ``credit``'s business."""

    loss_type: LossType = LossType.DAPO
    importance_sampling_level: ImportanceLevel = ImportanceLevel.TOKEN
    epsilon: float = 0.2  # the ratio is clipped at 1 - epsilon; GSPO wants 3e-4
    epsilon_high: float = 0.2  # and at 1 + epsilon_high; DAPO wants 0.28, GSPO 4e-4
    beta: float = 0.0  # weight of the KL (k3 estimate) to the reference policy
    use_bias_correction_kl: bool = True  # the KL is weighed by the ratio, which makes its gradient the true one
    importance_cap: float | None = (
        2.0  # trainer / engine ratios are cut off here (TRL: vllm_importance_sampling_cap); null: ignored
    )

    def __post_init__(self) -> None:
        for name, holds, rule in (
            ("epsilon", 0 < self.epsilon <= 1, "above 0 and at most 1"),
            ("epsilon_high", 0 < self.epsilon_high < math.inf, "above 0"),
            ("beta", 0 <= self.beta < math.inf, "0 or above"),
            (
                "importance_cap",
                self.importance_cap is None or 1 <= self.importance_cap < math.inf,
                "null or at least 1",
            ),
        ):
            if not holds:
                raise UserError(f"grpo.{name} must be {rule}, got {getattr(self, name)}")
