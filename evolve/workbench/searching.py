"""The job that searches with a process model, or with the task's own knowledge in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evolve.baselines import judge_methods
from evolve.methods import MethodWork
from evolve.stages import StageResult
from mcts.step import ScoreRequest
from prm.labels.oracle import oracle_values
from prm.scorer import ScoreCounts
from tasks.errors import UserError
from tasks.problem import Problem, StepOracle
from tasks.registry import build_task


class OracleScorer:
    """A process model that is never wrong: 1 while every step so far is right, else -1. A ceiling, no method."""

    def __init__(self, oracle: StepOracle) -> None:
        self.counts = ScoreCounts()
        self._oracle = oracle

    def score(self, requests: Sequence[ScoreRequest]) -> list[float]:
        """Reads the problem and the steps, not the answer."""
        return [min(oracle_values(self._oracle, each.problem, each.prefix)) for each in requests]


def search_job(
    report: Callable[..., None], work: MethodWork, problems: list[Problem], by_oracle: bool = False
) -> StageResult:
    """Records of ``evolve.baselines.judge_methods``, whatever guides the search. UserError without an oracle."""
    if not by_oracle:
        return judge_methods(report, work, problems)
    oracle = build_task(work.task).oracle
    if oracle is None:
        raise UserError(f"the task {work.task.name} has no oracle, by which the bench measures; use task=chain")
    return judge_methods(report, work, problems, OracleScorer(oracle))
