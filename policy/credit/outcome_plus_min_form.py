"""Outcome and min-form credit, added: PURE with process and verifiable rewards together.

A = outcome_weight * A_outcome + process_weight * A_min_form

Source: PURE (arXiv 2504.15275, section 4), whose two rewards have advantages of their own that are summed. Its outcome
part is leave-one-out and divided by nothing; here that is the group's own rule (``scale_rewards``).
"""

from __future__ import annotations

from collections.abc import Sequence

from policy.credit.base import Array, Member
from policy.credit.min_form import min_form
from policy.credit.outcome import outcome
from policy.credit.scale import Scale


def outcome_plus_min_form(
    members: Sequence[Member],
    scale: Scale,
    outcome_weight: float = 1.0,
    process_weight: float = 1.0,
    temperature: float = 0.1,
) -> list[Array]:
    """Advantages [T] per member. Needs ``step_scores``."""
    return [
        outcome_weight * whole + process_weight * steps
        for whole, steps in zip(outcome(members, scale), min_form(members, temperature), strict=True)
    ]
