"""Judging a finished round of a run again, with other sizes or on another split."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evolve import manifest
from evolve.config import EvaluationConfig, EvolveConfig
from evolve.executor import Executor, RayConfig, check_executor, open_pool
from evolve.methods import Method
from evolve.progress import stage_progress
from evolve.run_trees import find_run
from evolve.sandboxing import active_tier, confined_by
from evolve.saved_config import load_config
from evolve.stages import perform
from evolve.statistics import summarise
from evolve.teacher import refuse_other_tokenizer
from evolve.work import EvaluationWork, groups, judging_units
from evolve.workers import Job
from mcts.votes import Aggregation
from tasks.errors import UserError
from tasks.problem import Problem, Split
from tasks.registry import build_task
from tasks.sandbox.execution import Tier
from tasks.seeding import derive_seed

_DEMO = "outputs/demo"


@dataclass
class EvaluateConfig:
    """Which policy is judged, on what. Sizes that are not given are those of the run."""

    run: str = _DEMO  # a run folder, or its name
    round: int | None = None  # whose policy and PPM; none: the last finished round
    prm: str | None = None  # folder of a process model with the policy's tokenizer; none: the round's, if it has one
    split: Split = Split.HELD_OUT
    problems: int | None = None  # of the split; none: as many as in the run
    samples: int | None = None  # quick table: solutions a problem for the mean and the majority
    rollouts: int | None = None  # quick table: of the PPM-guided search
    width: int | None = None  # candidates a step of the PPM-guided search
    choose_by: Aggregation | None = None  # how a search chooses among its solutions, and a vote is weighted
    methods: list[Method] = field(default_factory=list)  # none: the quick table; else these at equal tokens, or [all]
    budgets: list[int] = field(default_factory=lambda: [1, 2, 4, 8, 16])  # with methods: N, candidates or rollouts
    beam_width: int = 4  # with methods: candidates per kept step of beam search and DVTS
    sandbox: Tier | None = None  # what confines code; none: as in the run
    seed: int = 0  # of the samples and the search
    workers: int = 2  # never changes a result
    executor: Executor = Executor.PROCESSES  # what the workers are
    ray: RayConfig = field(default_factory=RayConfig)
    progress: bool = True  # show bars (plain lines where there is no terminal)


@dataclass(frozen=True)
class Judged:
    """The round of a run that is judged, and the problems it is judged on."""

    root: Path
    number: int
    work: EvaluationWork
    problems: list[Problem]


def evaluate_run(wanted: EvaluateConfig) -> dict[str, Any]:
    """The quick table: accuracies with their intervals (``evolve.statistics.summarise``), and what was judged."""
    judged = find_judged(wanted)
    total = judging_units(judged.work) * len(judged.problems)
    results = run_groups(wanted, judged.work, judged.problems, "evolve.evaluation:evaluate_group", total)
    records = [record for result in results for record in result["records"]]
    about = {"run": str(judged.root), "round": judged.number, "split": str(judged.work.evaluation.split)}
    return about | summarise(records)


def introduction(wanted: EvaluateConfig) -> str:
    """What will be judged, in words, and why its figures are not quite those of the run's report."""
    root = find_run(wanted.run)
    other = "; run=NAME judges another run" if wanted.run == _DEMO else ""
    return (
        f"Judging round {finished_round(root, wanted.round)} of {root}{other}. Samples and searches are drawn "
        f"anew with seed={wanted.seed}, so their figures differ a little from the run's report; greedy decoding draws "
        "nothing."
    )


def find_judged(wanted: EvaluateConfig) -> Judged:
    """What is asked for, found in the run's folder. UserError if it is not there."""
    root = find_run(wanted.run)
    config = _config(root, wanted)
    number = finished_round(root, wanted.round)
    folder = root / f"round_{number}"
    refuse_damage(folder)
    evaluation = _settings(config.evaluation, wanted)
    work = EvaluationWork(
        task=config.task,
        policy=config.policy,
        engine=config.engine,
        evaluation=evaluation,
        policy_path=folder / "policy",
        ppm_path=_ppm(wanted, folder),
        seed=derive_seed(wanted.seed, "evaluate", number),
        scorer=config.ppm.scorer,
    )
    return Judged(root, number, work, build_task(config.task).problems(evaluation.split, evaluation.problems))


def _ppm(wanted: EvaluateConfig, folder: Path) -> Path | None:
    """The process model that judges. UserError if the folder named has none, or one of another tokenizer."""
    if wanted.prm is None:
        return folder / "ppm" if (folder / "ppm").is_dir() else None
    path = Path(wanted.prm)
    if not (path / "config.json").is_file():
        raise UserError(f"prm={path} is no model folder (it has no config.json); name one, or leave prm out")
    refuse_other_tokenizer(path, folder / "policy")
    return path


def sandbox_of(wanted: EvaluateConfig) -> Tier | None:
    """What will confine the code of the run's policy here; None if it writes none. UserError if nothing can."""
    return active_tier(_config(find_run(wanted.run), wanted).policy.steps)


def _config(root: Path, wanted: EvaluateConfig) -> EvolveConfig:
    config = load_config(root)
    return config if wanted.sandbox is None else confined_by(config, wanted.sandbox)


def refuse_damage(folder: Path) -> None:
    """Raise DataError unless every byte of the round's models is what it was when the round ended."""
    for name, digest in manifest.read(folder / "DONE", manifest.OF_A_ROUND)["files"].items():
        if name.startswith(("policy/", "ppm/")):
            manifest.check(folder / name, digest, every_byte=True)


def run_groups(
    wanted: EvaluateConfig, work: EvaluationWork, problems: list[Problem], job: str, total: int
) -> list[dict[str, Any]]:
    """The results of ``job`` (``module:function``) for each group of problems, in order; ``total``: units of work."""
    place = (wanted.executor, wanted.workers, wanted.ray, work.engine.device)
    check_executor(*place)
    jobs = [
        Job(f"group {index}", perform, {"job": job, "kwargs": {"work": work, "problems": part}})
        for index, part in enumerate(groups(problems, work.evaluation.group))
    ]
    with (
        open_pool(*place, find_run(wanted.run), warnings.warn) as pool,
        stage_progress("evaluate", total, enabled=wanted.progress) as bar,
    ):
        return [outcome.value.result for outcome in pool.run(jobs, on_progress=bar.follow, in_order=True)]


def _settings(of_run: EvaluationConfig, wanted: EvaluateConfig) -> EvaluationConfig:
    sizes = {name: getattr(wanted, name) for name in ("problems", "samples") if getattr(wanted, name) is not None}
    tree = {name: getattr(wanted, name) for name in ("rollouts", "width") if getattr(wanted, name) is not None}
    for name, value in (sizes | tree).items():
        if value < 1:
            raise UserError(f"{name} must be at least 1, got {value}")
    choose_by = wanted.choose_by or of_run.choose_by
    return replace(of_run, split=wanted.split, choose_by=choose_by, search=replace(of_run.search, **tree), **sizes)


def finished_round(root: Path, wanted: int | None) -> int:
    """The round asked for, or the last one. UserError unless it is finished."""
    done = sorted(int(path.parent.name.removeprefix("round_")) for path in root.glob("round_*/DONE"))
    if not done:
        raise UserError(f"{root} has no finished round yet; let python -m scripts.evolve finish one first")
    if wanted is not None and wanted not in done:
        raise UserError(f"{root} has no finished round {wanted}; finished are {', '.join(map(str, done))}")
    return done[-1] if wanted is None else wanted
