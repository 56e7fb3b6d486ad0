"""The jobs that write verifications of the steps of some solutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from evolve.config import EvolveConfig
from evolve.models import load_sampler
from evolve.stages import StageResult
from evolve.verification_config import VerificationsConfig
from prm.generative.endpoint import endpoint_reasoner
from prm.generative.redo import Redo
from prm.generative.verifications import Verification, with_verifications
from prm.step_rows import require_spelled
from tasks.readers.labelled import LabelledSolution

_Found = list[list[list[Verification]]]


def redo_job(
    report: Callable[..., None],
    solutions: list[LabelledSolution],
    wanted: VerificationsConfig,
    of_run: EvolveConfig,
    policy_path: Path,
    seed: int,
) -> StageResult:
    """By the policy. The result holds the solutions, and the tokens that were sampled."""
    policy, most = of_run.policy, wanted.reason.max_tokens
    if most is not None:
        policy = replace(policy, steps=replace(policy.steps, max_step_tokens=most))
    sampler = load_sampler(policy, of_run.engine, policy_path)
    for one in solutions:
        require_spelled(one, sampler.tokenizer, "name the run that sampled them as run")
    proposer = sampler.proposer(policy, wanted.reason.temperature, 1.0)
    found = Redo(proposer, wanted.redone, wanted.reason.verifications, seed).write(solutions)
    return _result(report, solutions, found, "redo", sampler.engine.counts.generated)


def judge_job(
    report: Callable[..., None], solutions: list[LabelledSolution], wanted: VerificationsConfig, seed: int
) -> StageResult:
    """By a model behind an endpoint. Answers without a verdict are left out; how many tokens it wrote nobody tells."""
    reasoner = endpoint_reasoner(wanted.judge, wanted.reason, seed)
    found = [
        [[Verification(each.text, (), each.verdict) for each in own if each.verdict is not None] for own in answers]
        for answers in reasoner.judged(solutions)
    ]
    return _result(report, solutions, found, "judge", 0)


def _result(
    report: Callable[..., None], solutions: list[LabelledSolution], found: _Found, source: str, generated: int
) -> StageResult:
    report(len(solutions), len(solutions))
    told = [with_verifications(one, own, verified_by=source) for one, own in zip(solutions, found, strict=True)]
    return StageResult({"solutions": told, "generated": generated})
