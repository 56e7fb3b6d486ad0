"""Which sandbox code goes to: settled, told and recorded before a run begins."""

from __future__ import annotations

from dataclasses import replace

from evolve.config import EvolveConfig
from policy.config import StepFormatConfig
from tasks.config import StepFormat
from tasks.sandbox.execution import Tier
from tasks.sandbox.open import open_sandbox


def active_tier(steps: StepFormatConfig) -> Tier | None:
    """The tier that steps in code run in here; None where steps are text. UserError if there is none."""
    return open_sandbox(steps.sandbox).tier if steps.format is StepFormat.CODE else None


def told(tier: Tier) -> str:
    """The tier in a sentence, for people."""
    if tier is Tier.OFF:
        return "code that the policy writes runs WITHOUT confinement (sandbox=off)"
    return f"code that the policy writes runs in the sandbox ({tier})"


def confined_by(config: EvolveConfig, tier: Tier) -> EvolveConfig:
    """The config with another tier for everything that runs code."""
    steps = replace(config.policy.steps, sandbox=tier)
    return replace(
        config,
        sandbox=tier,
        task=replace(config.task, sandbox=tier),
        policy=replace(config.policy, steps=steps),
    )
