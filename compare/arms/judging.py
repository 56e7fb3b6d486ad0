"""How good a policy is: greedy solutions of problems that no arm trains on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compare.arms.live import LivePolicy
from evolve.samples import write_samples as write_page
from mcts.trajectory import shown_text
from policy.rl import Group, judged
from tasks.problem import Outcome, Problem, StepOracle, Task


def greedy(policy: LivePolicy, problems: Sequence[Problem], task: Task) -> list[Group]:
    """One greedy solution of each problem, with its verdict."""
    return judged(policy.sample(problems, 1, seed=0, temperature=0.0), task.verifier)


def is_solved(group: Group) -> bool:
    """Is there a correct trajectory?"""
    return any(one.verdict is not None and one.verdict.outcome is Outcome.CORRECT for one in group.trajectories)


def write_samples(path: Path, groups: Sequence[Group], oracle: StepOracle | None) -> None:
    """The first of the greedy solutions for people (``evolve.samples``)."""
    records = [
        {
            "solution": shown_text(group.trajectories[0].steps) if group.trajectories else None,
            "greedy": is_solved(group),
        }
        for group in groups
    ]
    write_page(path, [group.problem for group in groups], records, oracle)
