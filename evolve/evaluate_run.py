"""Judging a finished round of a run again, with other sizes or on another split."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evolve.config import EvaluationConfig
from evolve.progress import stage_progress
from evolve.run_trees import find_run
from evolve.saved_config import load_config
from evolve.stages import perform
from evolve.statistics import summarise
from evolve.work import EvaluationWork, groups
from evolve.workers import Job, WorkerPool
from tasks.errors import UserError
from tasks.problem import Split
from tasks.registry import build_task
from tasks.seeding import derive_seed


@dataclass
class EvaluateConfig:
    """Which policy is judged, on what. Sizes that are not given are those of the run."""

    run: str = "outputs/demo"  # a run folder, or its name
    round: int | None = None  # whose policy and PPM; none: the last finished round
    split: Split = Split.HELD_OUT
    problems: int | None = None
    samples: int | None = None  # solutions a problem for the mean and the majority
    rollouts: int | None = None  # of the PPM-guided search
    width: int | None = None  # candidates a step of the PPM-guided search
    seed: int = 0  # of the samples and the search
    workers: int = 2  # never changes a result
    progress: bool = True


def evaluate_run(wanted: EvaluateConfig) -> dict[str, Any]:
    """Accuracies with their intervals (``evolve.statistics.summarise``), and what was judged."""
    root = find_run(wanted.run)
    config = load_config(root)
    number = _round(root, wanted.round)
    folder = root / f"round_{number}"
    evaluation = _settings(config.evaluation, wanted)
    work = EvaluationWork(
        task=config.task,
        policy=config.policy,
        engine=config.engine,
        evaluation=evaluation,
        policy_path=folder / "policy",
        ppm_path=folder / "ppm" if (folder / "ppm").is_dir() else None,
        seed=derive_seed(wanted.seed, "evaluate", number),
    )
    problems = build_task(config.task).problems(evaluation.split, evaluation.problems)
    jobs = [
        Job(
            f"group {index}",
            perform,
            {"job": "evolve.evaluation:evaluate_group", "kwargs": {"work": work, "problems": p}},
        )
        for index, p in enumerate(groups(problems, evaluation.group))
    ]
    with WorkerPool(wanted.workers) as pool, stage_progress("evaluate", enabled=wanted.progress) as bar:
        results = [outcome.value.result for outcome in pool.run(jobs, on_progress=bar.follow, in_order=True)]
    records = [record for result in results for record in result["records"]]
    return {"run": str(root), "round": number, "split": str(evaluation.split), **summarise(records)}


def _settings(of_run: EvaluationConfig, wanted: EvaluateConfig) -> EvaluationConfig:
    sizes = {name: getattr(wanted, name) for name in ("problems", "samples") if getattr(wanted, name) is not None}
    tree = {name: getattr(wanted, name) for name in ("rollouts", "width") if getattr(wanted, name) is not None}
    for name, value in (sizes | tree).items():
        if value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")
    return replace(of_run, split=wanted.split, search=replace(of_run.search, **tree), **sizes)


def _round(root: Path, wanted: int | None) -> int:
    done = sorted(int(path.parent.name.removeprefix("round_")) for path in root.glob("round_*/DONE"))
    if not done:
        raise UserError(f"{root} has no finished round yet; let python -m scripts.evolve finish one first")
    if wanted is not None and wanted not in done:
        raise UserError(f"{root} has no finished round {wanted}; finished are {', '.join(map(str, done))}")
    return done[-1] if wanted is None else wanted
