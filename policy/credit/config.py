"""Which credit is assigned, as options."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.options import Option


class CreditName(Option):
    """What a token is credited with. One file each in ``policy/credit/``, with formula and source."""

    OUTCOME = "outcome"  # the group's standardised reward at every token (GRPO; scale_rewards=none: Dr. GRPO)
    PROCESS = "process"  # return-to-go of standardised step scores (DeepSeekMath 4.1.3)
    OUTCOME_PLUS_PROCESS = "outcome_plus_process"  # a weighted sum of both
    STEP_DELTA = "step_delta"  # value after a step minus value before it (VinePPO, SPO)
    TREE_Q = "tree_q"  # global plus local advantage of a tree's node (TreeRL)
    MIN_FORM = "min_form"  # the weakest step still to come (PURE)
    OUTCOME_PLUS_MIN_FORM = "outcome_plus_min_form"  # a weighted sum of outcome and min_form (PURE with both rewards)
    IMPLICIT = "implicit"  # log-ratio token rewards, leave-one-out, plus outcome (PRIME)
    GAE = "gae"  # a critic's generalised advantage estimate (PPO)
    ORACLE = "oracle"  # process with true step labels: an upper bound, not a method


class ScaleRewards(Option):
    """What centred rewards and step scores are divided by (TRL's ``scale_rewards``)."""

    GROUP = "group"  # the standard deviation of the group
    BATCH = "batch"  # the standard deviation over all groups of the update
    NONE = "none"  # nothing


class TreeValue(Option):
    """What a node of the tree is worth to ``tree_q``."""

    LEAVES = "leaves"  # mean reward of the group's leaves below it (TreeRL)
    SCORES = "scores"  # the step scores: the search's own Q


@dataclass
class CreditConfig:
    """The credit of an update."""

    name: CreditName = CreditName.OUTCOME
    scale_rewards: ScaleRewards = ScaleRewards.GROUP  # outcome, process, oracle and their sum
    outcome_weight: float = 1.0  # outcome_plus_process, outcome_plus_min_form
    process_weight: float = 1.0  # outcome_plus_process, outcome_plus_min_form
    temperature: float = 0.1  # forms of min_form: near 0 the weakest step counts alone, far above all count alike
    tree_value: TreeValue = TreeValue.LEAVES  # tree_q
    discount: float = 1.0  # implicit and gae: per token
    gae_lambda: float = 0.95  # gae: 1 trusts the rewards alone, 0 the critic alone
    whiten: bool = False  # any credit: to mean 0 and deviation 1 over all tokens of the update, as PPO does with gae

    def __post_init__(self) -> None:
        for name, holds, rule in (
            ("outcome_weight", math.isfinite(self.outcome_weight), "a finite number"),
            ("process_weight", math.isfinite(self.process_weight), "a finite number"),
            ("temperature", 0 < self.temperature < math.inf, "above 0"),
            ("discount", 0 < self.discount <= 1, "above 0 and at most 1"),
            ("gae_lambda", 0 <= self.gae_lambda <= 1, "between 0 and 1"),
        ):
            if not holds:
                raise UserError(f"credit.{name} must be {rule}, got {getattr(self, name)}")
