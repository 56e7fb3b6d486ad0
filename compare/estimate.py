"""How long a comparison will take, before it is begun: from its budget and a short measurement on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from compare.budget import Budget, Unit
from compare.config import CompareConfig, check
from evolve.config import EvolveConfig, SearchStageConfig
from evolve.estimate import PROBED, Shape, Tokens
from tasks.registry import build_task


@dataclass(frozen=True, slots=True)
class Phase:
    """``seconds`` of one process for one job, ``jobs`` of them side by side on the workers."""

    name: str
    seconds: float
    jobs: int

    def minutes(self, workers: int) -> float:
        """By the clock: the jobs come in waves as wide as there are workers."""
        waves = -(-self.jobs // max(1, workers))
        return waves * self.seconds / 60


def estimate(config: CompareConfig, shape: Shape, rates: Tokens) -> list[Phase]:
    """The phases. ``rates``: tokens a second of one process.

    An arm is taken for one that samples as many tokens as it trains on, with the policy alone: a token sampled costs
    2 N FLOPs, one trained on 6 N. An arm that trains only is done sooner, one that grows trees or asks a PPM later.
    """
    cold, judging = config.policy.cold_start, config.judging
    judged = judging.problems * shape.solution / rates.generated
    start = cold.demonstrations * shape.row * cold.optimiser.epochs / rates.trained + judged
    pairs = _pairs(config.budget, shape.parameters)
    spent = config.budget.amount if pairs is None else pairs * (1 / rates.generated + 1 / rates.trained)
    jobs = config.seeds * len(config.arms)
    return [Phase("cold starts", start, config.seeds), Phase("arms", spent + judging.points * judged, jobs)]


def _pairs(budget: Budget, parameters: int) -> float | None:
    """How many tokens the budget pays to sample and to train on; None for a budget of seconds."""
    if budget.unit is Unit.SECONDS:
        return None
    return budget.amount / (8 * parameters if budget.unit is Unit.FLOPS else 2)


def print_estimate(config: CompareConfig, settings: Mapping[str, Any], console: Console) -> None:
    """The resolved config, the arms and what each may spend, and minutes by phase."""
    check(config)
    console.print(yaml.safe_dump(dict(settings), sort_keys=False), highlight=False, markup=False)
    budget = config.budget
    each = f"{config.seeds} seed{'s' if config.seeds > 1 else ''}"
    console.print(f"arms: {', '.join(config.arms)}; {each} of each", highlight=False)
    console.print(f"budget: {budget.amount:,.6g} {budget.unit} for each arm and seed", highlight=False)
    examples = build_task(config.task).demonstrations(PROBED)
    if not examples:
        console.print("minutes: unknown, for the task has no worked solutions to measure")
        return
    from evolve.probe import measure

    run = EvolveConfig(
        task=config.task,
        policy=config.policy,
        engine=config.engine,
        search=SearchStageConfig(**vars(config.search)),
        ppm=config.ppm,
    )
    shape, rates = measure(run, examples)
    phases = estimate(config, shape, rates)
    table = Table(title="estimate (arms: as if they sampled what they train on)", box=box.SIMPLE_HEAD)
    for column in ("phase", "jobs", "minutes of one", "minutes in all"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    for phase in phases:
        in_all = phase.minutes(config.workers)
        table.add_row(phase.name, str(phase.jobs), f"{phase.seconds / 60:.1f}", f"{in_all:.1f}")
    table.add_row("total", "", "", f"{sum(phase.minutes(config.workers) for phase in phases):.1f}")
    console.print(table)
    console.print(
        f"measured just now: {rates.generated:,.0f} tokens/s sampled, {rates.trained:,.0f} trained, per process; "
        f"{config.workers} workers. The budget does not limit the cold starts. Trees, PPMs and critics cost their own "
        "time: an arm with them takes longer.",
        highlight=False,
    )
