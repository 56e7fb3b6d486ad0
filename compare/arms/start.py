"""The job that makes a seed's cold start: what all its arms go on from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from compare.arms.judging import greedy, is_solved
from compare.arms.live import LivePolicy
from compare.config import CompareConfig
from compare.ledger import Ledger, Role
from evolve.stages import StageResult
from evolve.training import cold_start
from lm.distributed import gathered
from tasks.registry import build_task
from tasks.seeding import derive_seed


def make_start(report: Callable[..., None], config: CompareConfig, seed: int, out: Path) -> StageResult:
    """Train the cold start of ``seed`` to ``out`` and judge it: ``right``, per problem. Nobody is charged for it."""
    drawn = derive_seed(config.seed, "cold start", seed)

    def share(step: float, steps: float, **fields: float | str) -> None:
        report(step / steps, 1.0, **fields)

    made = cold_start(share, config.task, config.policy, config.engine, drawn, out)
    policy, task = LivePolicy(config.policy, config.engine, out), build_task(config.task)
    groups = greedy(policy, task.problems(config.judging.split, config.judging.problems), task)
    ledger = Ledger({Role.POLICY: policy.parameters})
    ledger.add("cold_start", trained=made.result["trained_tokens"])
    for own in gathered(policy.counts()):
        ledger.add("evaluation", generated=own.generated, prefilled=own.prefilled, cached=own.cached)
    return StageResult({"right": list(map(is_solved, groups)), "ledger": ledger.to_json()}, made.metrics)
