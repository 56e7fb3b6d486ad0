"""A grader in the verifier's place (``arms.NAME.reward``): it rewards, and the task's verifier still judges the arm.

So a reward may pay for form, language or length beside the answer, and what is reported is the answer alone. Every
part of it is a metric, ``rewards/NAME``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from compare.config import ArmConfig, CompareConfig
from evolve.models import device_of
from lm.text_logprobs import FolderLogProbs
from policy.rl import Group, judged
from tasks.graders.base import Resources
from tasks.graders.build import load_grader, load_spec, reads_policy
from tasks.graders.verifier import GraderVerifier
from tasks.problem import Problem, Task, Verdict


class RewardGrader:
    """A ``tasks.problem.Verifier``. A grader that reads log-probabilities reads those of the policy in ``start``.

    ``read``: tokens that it has read for them so far, ``parameters``: of the model that did (0: none does).
    """

    def __init__(self, config: CompareConfig, arm: ArmConfig, task: Task, start: Path) -> None:
        assert arm.reward is not None
        self._model = None
        if reads_policy(load_spec(arm.reward)):
            self._model = FolderLogProbs(start, device_of(config.engine))
        self._verifier = GraderVerifier(
            load_grader(arm.reward, Resources(config.task.sandbox, log_probs=self._model, verifier=task.verifier))
        )

    @property
    def read(self) -> int:
        return self._model.tokens if self._model else 0

    @property
    def parameters(self) -> int:
        return self._model.parameters if self._model else 0

    def verify(self, problem: Problem, solution: str) -> Verdict:
        return self._verifier.verify(problem, solution)


def part_metrics(groups: Sequence[Group]) -> dict[str, float]:
    """``rewards/NAME``: the mean of each part of the verdicts that have it."""
    found: dict[str, list[float]] = {}
    for group in groups:
        for one in group.trajectories:
            for name, value in one.verdict.parts.items() if one.verdict else ():
                found.setdefault(name, []).append(value)
    return {f"rewards/{name}": sum(values) / len(values) for name, values in found.items()}


def mean_reward(solutions: Sequence[Group], grader: RewardGrader) -> float:
    """What the grader gives solutions that were judged by others, on average; what it fails on counts 0."""
    bare = [replace(g, trajectories=tuple(replace(one, verdict=None) for one in g.trajectories)) for g in solutions]
    rewards = [one.verdict.reward for group in judged(bare, grader) for one in group.trajectories if one.verdict]
    return sum(rewards) / max(1, len(solutions))
