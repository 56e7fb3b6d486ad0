"""What the groups of a stage have in common, as it travels to the workers. Free of torch: the main process has none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evolve.config import EvaluationConfig, EvolveConfig, GroupSearchConfig, ScorerName
from evolve.label_config import LabelConfig
from policy.config import EngineConfig, PolicyConfig
from tasks.config import TaskConfig
from tasks.problem import Problem


@dataclass(frozen=True)
class SearchWork:
    """For every group of a search stage. ``ppm_path`` is needed in the modes that use a PPM."""

    task: TaskConfig
    policy: PolicyConfig
    engine: EngineConfig
    search: GroupSearchConfig
    policy_path: Path
    ppm_path: Path | None
    seed: int
    scorer: ScorerName = field(default=ScorerName.HF, kw_only=True)


@dataclass(frozen=True)
class EvaluationWork:
    """For every group of an evaluation. Without ``ppm_path`` there is no search."""

    task: TaskConfig
    policy: PolicyConfig
    engine: EngineConfig
    evaluation: EvaluationConfig
    policy_path: Path
    ppm_path: Path | None
    seed: int
    scorer: ScorerName = field(default=ScorerName.HF, kw_only=True)


@dataclass(frozen=True)
class LabelWork:
    """For every group of solutions to be labelled. ``seed`` is of all that is drawn."""

    of_run: EvolveConfig
    wanted: LabelConfig
    policy_path: Path
    seed: int


def groups(problems: list[Problem], size: int) -> Iterator[list[Problem]]:
    """Fixed stretches of ``size`` problems; the last may be shorter."""
    for start in range(0, len(problems), size):
        yield problems[start : start + size]


def judging_units(work: EvaluationWork) -> int:
    """How much an evaluation has to do per problem, in solutions' worth: greedy, samples, rollouts of the search."""
    return 1 + work.evaluation.samples + (0 if work.ppm_path is None else work.evaluation.search.rollouts)
