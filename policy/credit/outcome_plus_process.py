"""Outcome and process credit, added.

A = outcome_weight * A_outcome + process_weight * A_process
"""

from __future__ import annotations

from collections.abc import Sequence

from policy.credit.base import Array, Member
from policy.credit.outcome import outcome
from policy.credit.process import process
from policy.credit.scale import Scale


def outcome_plus_process(
    members: Sequence[Member], scale: Scale, outcome_weight: float = 1.0, process_weight: float = 1.0
) -> list[Array]:
    """Advantages [T] per member. Needs ``step_scores``."""
    return [
        outcome_weight * whole + process_weight * steps
        for whole, steps in zip(outcome(members, scale), process(members, scale), strict=True)
    ]
