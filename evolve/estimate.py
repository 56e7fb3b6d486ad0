"""What a run will cost, before it is begun: tokens by phase, and time from a short measurement on this machine."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, replace
from typing import Any

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from evolve.config import EvolveConfig, check, round_search
from mcts.config import Expansion, Mode, SearchConfig, Simulation
from policy.config import EngineName
from tasks.registry import build_task

PROBED = 64  # worked solutions that are measured


@dataclass(frozen=True, slots=True)
class Shape:
    """Mean tokens of a prompt and of a step, and mean steps of a solution, from the task's worked solutions.

    ``parameters``: N of the policy that reads and writes them.
    """

    prompt: float
    step: float
    steps: float
    parameters: int = 0

    @property
    def solution(self) -> float:
        """Mean tokens of a whole solution."""
        return self.step * self.steps

    @property
    def row(self) -> float:
        """Mean tokens of a prompt and its solution."""
        return self.prompt + self.solution


@dataclass(frozen=True, slots=True)
class Tokens:
    """A number per kind of work: sampled, read by the PPM, trained on by the policy and by the PPM.

    What the PPM reads counts by rows, one per distinct step and as long as its path, however much of it they share.
    """

    generated: float = 0.0
    scored: float = 0.0
    trained: float = 0.0
    paired: float = 0.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Tokens of a phase, at most for the searches (a tree that is exhausted early costs less)."""

    phase: str
    tokens: Tokens
    parallel: float = math.inf  # processes that can share the work


def estimate(config: EvolveConfig, shape: Shape) -> list[Cost]:
    """The phases of the whole run. Trees of ``search.escalation`` are not counted: nobody knows how many there are."""
    cold, judged = config.policy.cold_start, config.evaluation
    solved = judged.problems * (1 + judged.samples) * shape.solution
    guided = _of_search(judged.search, shape, judged.problems, is_scored=True)
    costs = [
        Cost("cold start", Tokens(trained=cold.demonstrations * shape.row * cold.optimiser.epochs), parallel=1),
        Cost("round 0: evaluate", Tokens(generated=solved)),
    ]
    for number in range(1, config.rounds + 1):
        search = round_search(config, number)
        is_scored = search.mode is not Mode.TERMINAL_GUIDED
        trained = search.problems * config.selection.top * shape.row * config.policy.optimiser.epochs
        # About one node a problem shows a contrast, with two steps to read.
        paired = search.problems * 2 * shape.row * config.ppm.optimiser.epochs
        costs += [
            Cost(f"round {number}: search", _of_search(search, shape, search.problems + search.held_out, is_scored)),
            Cost(f"round {number}: train policy and PPM", Tokens(trained=trained, paired=paired), parallel=2),
            Cost(f"round {number}: evaluate", replace(guided, generated=solved + guided.generated)),
        ]
    return costs


def _of_search(search: SearchConfig, shape: Shape, problems: int, is_scored: bool) -> Tokens:
    """What the trees of that many problems take. The factors are those of the lab's searches, in round figures."""
    if search.expansion is Expansion.CONTINUATION:
        # A rollout expands one node, on average a quarter of the way down, and its candidates go to the end.
        drawn = search.rollouts * search.width * shape.steps * 3 / 4
    else:
        # With simulation=tree a rollout goes on expanding to the end, but most of its path is there already.
        drawn = search.rollouts * search.width * (2 if search.simulation is Simulation.TREE else 1)
    outside = 0.0
    if search.expansion is Expansion.STEP and search.simulation is Simulation.END:
        outside = search.rollouts * shape.solution / 2
    elif search.expansion is Expansion.STEP and search.simulation is Simulation.STEPS:
        outside = search.rollouts * search.simulation_steps * shape.step
    # Half of what is drawn is new and does not end a path.
    scored = drawn / 2 * shape.row if is_scored else 0.0
    return Tokens(generated=problems * (drawn * shape.step + outside), scored=problems * scored)


def print_estimate(config: EvolveConfig, settings: dict[str, Any], console: Console) -> None:
    """The resolved config, then tokens and time by phase."""
    check(config)
    console.print(yaml.safe_dump(settings, sort_keys=False), highlight=False, markup=False)
    examples = build_task(config.task).demonstrations(PROBED)
    if not examples:
        console.print("The task has no worked solutions to measure, so no estimate can be made.")
        return
    from evolve.probe import measure

    shape, rates = measure(config, examples)
    table = Table(title="estimate (searches: at most)", box=box.SIMPLE_HEAD)
    for column in ("phase", "generated", "scored by the PPM", "policy trained", "PPM trained", "minutes"):
        table.add_column(column, justify="left" if column == "phase" else "right")
    total = 0.0
    for cost in estimate(config, shape):
        tokens = astuple(cost.tokens)
        seconds = [count / rate for count, rate in zip(tokens, astuple(rates), strict=True)]
        # The PPM and the policy are trained side by side; what remains is shared by the workers.
        minutes = sum(seconds) / max(1, min(config.workers, cost.parallel)) / 60
        total += minutes
        table.add_row(cost.phase, *(f"{count:,.0f}" for count in tokens), f"{minutes:.1f}")
    table.add_row("total", "", "", "", "", f"{total:.1f}")
    console.print(table)
    sampled = f"{rates.generated:,.0f} tokens/s sampled"
    if config.engine.name is EngineName.OPENAI:
        sampled = "sampling by the server takes its own time, which is not in the minutes"
    console.print(
        f"measured just now: {sampled}, {rates.scored:,.0f} scored, {rates.trained:,.0f} and {rates.paired:,.0f} "
        f"trained, per process; {config.workers} workers",
        highlight=False,
    )
