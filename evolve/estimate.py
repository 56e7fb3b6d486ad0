"""What a run will cost, before it is begun: tokens by phase, and time from a short measurement on this machine."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from evolve.config import EvolveConfig, check, round_search
from mcts.config import Simulation
from tasks.problem import Demonstration
from tasks.registry import build_task

_PROBED = 64


@dataclass(frozen=True, slots=True)
class Shape:
    """Mean tokens of a prompt and of a step, and mean steps of a solution, from the task's worked solutions."""

    prompt: float
    step: float
    steps: float

    @property
    def solution(self) -> float:
        """Mean tokens of a whole solution."""
        return self.step * self.steps


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens of a phase, at most for the searches (a tree that is exhausted early costs less)."""

    phase: str
    generated: float = 0.0
    trained: float = 0.0
    scored: float = 0.0


def estimate(config: EvolveConfig, shape: Shape) -> list[Cost]:
    """The phases of the whole run. Scoring counts the PPM's rows, one per distinct step and as long as its path."""
    cold = config.policy.cold_start
    row = shape.prompt + shape.solution
    judged = config.evaluation
    costs = [Cost("cold start", trained=cold.demonstrations * row * cold.optimiser.epochs)]
    for number in range(1, config.rounds + 1):
        search = round_search(config, number)
        # A rollout expands one node; with simulation=tree it goes on to the end, but most of its path is there already.
        expansions = search.rollouts * (2 if search.simulation is Simulation.TREE else 1)
        per_problem = expansions * search.width * shape.step
        problems = search.problems + search.held_out
        generated = problems * per_problem
        scored = problems * expansions * search.width / 2 * row if search.mode == "ppm_augmented" else 0.0
        costs.append(Cost(f"round {number}: search", generated=generated, scored=scored))
        trained = search.problems * config.selection.top * row * config.policy.optimiser.epochs
        # About one node a problem shows a contrast, with two steps to read.
        pairs = search.problems * 2 * row * config.ppm.optimiser.epochs
        costs.append(Cost(f"round {number}: train policy and PPM", trained=trained + pairs))
        paths = judged.search.rollouts * 2 * judged.search.width
        costs.append(
            Cost(
                f"round {number}: evaluate",
                generated=judged.problems * ((1 + judged.samples) * shape.solution + paths * shape.step),
                scored=judged.problems * paths / 2 * row,
            )
        )
    return costs


def print_estimate(config: EvolveConfig, settings: dict[str, Any], console: Console) -> None:
    """The resolved config, then tokens and time by phase."""
    check(config)
    console.print(yaml.safe_dump(settings, sort_keys=False), highlight=False, markup=False)
    examples = build_task(config.task).demonstrations(_PROBED)
    if not examples:
        console.print("The task has no worked solutions to measure, so no estimate can be made.")
        return
    shape, rates = _measure(config, examples)
    table = Table(title="estimate (searches: at most)", box=box.SIMPLE_HEAD)
    for column in ("phase", "generated", "scored", "trained", "minutes"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    total = 0.0
    for cost in estimate(config, shape):
        tokens = (cost.generated, cost.scored, cost.trained)
        # Searches spread over the workers; the cold start is one process, PPM and policy are trained side by side.
        parallel = 1 if cost.phase == "cold start" else max(1, min(config.workers, 2 if cost.trained else 10**6))
        minutes = sum(count / rate for count, rate in zip(tokens, rates, strict=True)) / parallel / 60
        total += minutes
        table.add_row(cost.phase, *(f"{count:,.0f}" for count in tokens), f"{minutes:.1f}")
    table.add_row("total", "", "", "", f"{total:.1f}")
    console.print(table)
    console.print(
        f"measured just now: {rates[0]:,.0f} tokens/s sampled, {rates[1]:,.0f} scored, {rates[2]:,.0f} trained, "
        f"per process; {config.workers} workers",
        highlight=False,
    )


def _measure(config: EvolveConfig, examples: list[Demonstration]) -> tuple[Shape, tuple[float, float, float]]:
    """The texts' shape and three rates (tokens a second: sampled, scored, trained) of the configured model."""
    from evolve.models import device_of, load_sampler
    from evolve.training import cold_start, fine_tune
    from lm.folder import load_policy
    from lm.logprobs import score_rows
    from policy.engine import GenerateRequest, Sampling
    from policy.sft import demonstration_row

    once = replace(config.policy.cold_start.optimiser, epochs=1.0)
    policy = replace(
        config.policy, cold_start=replace(config.policy.cold_start, demonstrations=_PROBED, optimiser=once)
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy"
        cold_start(_silent, config.task, policy, config.engine, 0, path)
        sampler = load_sampler(policy, config.engine, path)
        model = load_policy(path, device_of(config.engine))
    rows = [demonstration_row(example, sampler.encode, sampler.tokenizer) for example in examples]
    lines = [line for example in examples for line in example.solution.splitlines()]
    shape = Shape(
        prompt=sum(len(row.prompt_ids) for row in rows) / len(rows),
        step=sum(len(row.target_ids) for row in rows) / len(lines),
        steps=len(lines) / len(rows),
    )
    tokens = sum(row.length for row in rows)
    started = time.perf_counter()
    score_rows(model, rows, 0)
    scored_seconds = time.perf_counter() - started
    started = time.perf_counter()
    fine_tune(_silent, model, rows, once, 0, "estimate")
    trained_seconds = time.perf_counter() - started
    started = time.perf_counter()
    sampling = Sampling(max_tokens=max(1, round(shape.step)))
    sampler.engine.generate([GenerateRequest(row.prompt_ids, 8, sampling, 0) for row in rows])
    sampled_seconds = time.perf_counter() - started
    sampled = sampler.engine.counts.generated
    return shape, (sampled / sampled_seconds, tokens / scored_seconds, tokens / trained_seconds)


def _silent(*args: object, **kwargs: object) -> None:
    """Progress that nobody watches."""
