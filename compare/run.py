"""One comparison from its config to its reports."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from compare.arms.work import ArmWork, plain
from compare.board import Board
from compare.check_arm import check_arm
from compare.config import RESULT_NEUTRAL, ArmConfig, CompareConfig, Recipe, check
from compare.jobs import Failed, Jobs, SeedStage, Track
from compare.material import Material, trees_name
from compare.ranks import check_ranks
from compare.report import write_reports
from compare.seed_run import links_of, seed_run
from compare.summary import ArmRuns, SeedRun, summarise
from evolve.config import WandbMode
from evolve.executor import Pool, open_pool
from evolve.journal import RunLog
from evolve.open_run import open_run
from evolve.ranks import RankPool, launched
from evolve.run_folder import RunFolder
from evolve.run_trees import has_trees
from evolve.sandboxing import active_tier, told
from evolve.stages import Stage, Tracker
from evolve.tracked_trees import keep_trees
from evolve.tracking import tracking
from tasks.durable import sweep_temporaries
from tasks.errors import UserError
from tasks.problem import Split, Task
from tasks.registry import build_task, rejected_answers

_VALIDATED = 200


def compare(config: CompareConfig, settings: dict[str, Any], root: Path) -> dict[str, Any]:
    """Begin the comparison of ``root``, or take it up where it stopped; returns what ``summary.json`` holds.

    ``settings`` is the config as plain data, for the record. UserError for what makes all of it impossible; what makes
    one arm or seed impossible is told in the reports.
    """
    check(config)
    if launched() > 1:
        check_ranks(config)
    settings = settings | {"budget": config.budget.settings()}
    tier = active_tier(config.policy.steps)
    task = build_task(config.task)
    _refuse_bad_problems(config, task)
    with (
        open_run(root, settings, config.overwrite, RESULT_NEUTRAL, part="seed") as folder,
        _open_pool(config, root) as pool,
    ):
        jobs = Jobs(folder, pool, _track(config, root, settings), config.progress)
        by = f"{launched()} ranks" if launched() > 1 else f"{config.workers} workers ({config.executor})"
        jobs.log.write(f"started with {by}")
        if tier is not None:
            folder.add_fact("sandbox", str(tier))
            jobs.log.write(told(tier))
        _refuse_changed_arms(config, folder)
        begun = time.monotonic()
        try:
            results = Comparison(config, task, jobs).run()
        except BaseException as error:
            jobs.log.stopped(error)
            raise
        sweep_temporaries(root)
        write_reports(root, results)
        _keep_reports(config, root, settings, jobs.log)
        jobs.log.write(f"finished after {time.monotonic() - begun:.0f} s")
        return results


def _open_pool(config: CompareConfig, root: Path) -> Pool:
    if launched() > 1:
        return RankPool(config.engine)
    note = RunLog(root / "log.txt").write
    return open_pool(config.executor, config.workers, config.ray, config.engine.device, root, note)


def _track(config: CompareConfig, root: Path, settings: dict[str, Any]) -> Track:
    """Every arm and seed is a run of its own at Weights & Biases, grouped as NAME/ARM; so are cold starts and trees."""

    def track(each: SeedStage) -> AbstractContextManager[Tracker]:
        about = settings | {"arm": each.stage.name, "arm_seed": each.seed}
        return tracking(config.wandb, root, about, each.key, f"{root.name}/{each.stage.name}")

    return track


def _keep_reports(config: CompareConfig, root: Path, settings: dict[str, Any], log: RunLog) -> None:
    """Hand the reports and the trees to one more Weights & Biases run, ``report``."""
    if config.wandb.mode is not WandbMode.DISABLED:
        with tracking(config.wandb, root, settings, "report", f"{root.name}/report") as tracker:
            tracker.keep("report", [root / name for name in ("REPORT.md", "report.html", "summary.json")])
            keep_trees(tracker, root, log)


class Comparison:
    """Cold starts, then the trees that arms ask for, then the arms: each phase side by side over the seeds."""

    def __init__(self, config: CompareConfig, task: Task, jobs: Jobs) -> None:
        self._config = config
        self._jobs = jobs
        self._refused = {name: _refusal(name, arm, task, config) for name, arm in config.arms.items()}
        self._starts: dict[int, dict[str, Any] | Failed] = {}

    def run(self) -> dict[str, Any]:
        """Do what is not done; returns what ``summary.json`` holds."""
        seeds = range(self._config.seeds)
        starts = [SeedStage(seed, self._start(seed)) for seed in seeds]
        self._starts = dict(zip(seeds, self._jobs.do("cold starts", starts), strict=True))
        begun = [seed for seed, start in self._starts.items() if not isinstance(start, Failed)]
        wanted = [(name, seed) for seed in begun for name in self._config.arms if not self._refused[name]]
        material = Material(self._config, self._jobs, wanted)
        planned = {(name, seed): self._plan(name, seed, material) for seed in seeds for name in self._config.arms}
        stages = [each for each in planned.values() if isinstance(each, SeedStage)]
        results = self._jobs.do("arms", stages, Board(planned))
        done = {each.key: found for each, found in zip(stages, results, strict=True)}
        for stage in stages:
            if not isinstance(done[stage.key], Failed):
                shutil.rmtree(stage.stage.kwargs["work"].checkpoint, ignore_errors=True)
        outcomes = {place: each if isinstance(each, Failed) else done[each.key] for place, each in planned.items()}
        return self._summary(outcomes)

    def _folder(self, seed: int) -> Path:
        return self._jobs.folder.round_dir(seed)

    def _start(self, seed: int) -> Stage:
        out = self._folder(seed) / "cold_start"
        kwargs = {"config": self._config, "seed": seed, "out": out}
        return Stage("cold_start", "compare.arms.start:make_start", kwargs, [out])

    def _plan(self, name: str, seed: int, material: Material) -> SeedStage | Failed:
        """The stage of an arm and seed, or why there can be none."""
        arm, start, folder = self._config.arms[name], self._starts[seed], self._folder(seed)
        if refused := self._refused[name]:
            return Failed(refused)
        if isinstance(start, Failed):
            return start
        grown = material.of(arm, seed)
        if isinstance(grown, Failed):
            return grown
        out = folder / name
        work = ArmWork(self._config, name, seed, folder / "cold_start", start["right"], grown, out)
        files = [] if arm.recipe is Recipe.SFT else [out]  # nothing is made of the cold start
        return SeedStage(seed, Stage(name, "compare.arms.run:run_arm", {"work": work}, files))

    def _summary(self, outcomes: Mapping[tuple[str, int], dict[str, Any] | Failed]) -> dict[str, Any]:
        config, root, seconds = self._config, self._jobs.folder.root, self._jobs.seconds()
        rows = self._jobs.metrics()
        runs: dict[str, dict[int, SeedRun | str]] = {name: {} for name in config.arms}
        left: dict[str, dict[int, dict[str, str]]] = {name: {} for name in config.arms}
        for (name, seed), found in outcomes.items():
            start = self._starts[seed]
            key, folder = f"seed_{seed}/{name}", self._folder(seed)
            trees = trees_name(config, config.arms[name])
            links = links_of(root, folder / name, folder / trees if trees else None)
            if isinstance(found, Failed) or isinstance(start, Failed):
                runs[name][seed] = found.reason if isinstance(found, Failed) else "the cold start failed"
                left[name][seed] = links
                continue
            runs[name][seed] = seed_run(found, start["right"], rows.get(key, []), seconds.get(key, {}), links)
        arms = {
            name: ArmRuns(arm.supervision, runs[name], _note(arm), arm.offline, left[name])
            for name, arm in config.arms.items()
        }
        return summarise(
            arms,
            config.budget,
            references=config.references,
            reach=config.reach,
            alarm=config.alarm,
            seed=config.seed,
            split=config.judging.split,
            pool=config.pool if config.shared_pool else None,
        ) | {"name": root.name, "trees": has_trees(root)}


def _note(arm: ArmConfig) -> str:
    every = (arm, *arm.stages)
    ready = [each.ppm for each in every if each.ppm is not None]
    if ready:
        return f"follows a PPM that was there before ({ready[0]}); what that has cost is charged to nobody"
    teachers = [each.teacher for each in every if each.teacher is not None]
    if teachers:
        return f"learns what another solved ({teachers[0]}); what went before that is charged to nobody"
    return ""


def _refusal(name: str, arm: ArmConfig, task: Task, config: CompareConfig) -> str:
    try:
        check_arm(name, arm, task, config.shared_pool)
    except UserError as error:
        return str(error)
    return ""


def _refuse_changed_arms(config: CompareConfig, folder: RunFolder) -> None:
    """Arms may be added to a comparison; one that is done may not become another under the same name."""
    for seed in range(config.seeds):
        for name, arm in config.arms.items():
            done = folder.stage_result(seed, name)
            if done is not None and done["result"]["arm"] != plain(arm):
                raise UserError(
                    f"{folder.root} holds arm {name} with other options; give the changed arm another name, or use "
                    "another name for the comparison, or overwrite=true"
                )


def _refuse_bad_problems(config: CompareConfig, task: Task) -> None:
    """There must be problems, and the verifier must accept their own answers: rewards mean nothing otherwise."""
    judged = task.problems(config.judging.split, config.judging.problems)
    drawn = task.problems(Split.TRAIN, config.problems)
    for split, problems in ((config.judging.split, judged), (Split.TRAIN, drawn)):
        if len(problems) < 2:
            raise UserError(f"task {task.name} has {len(problems)} {split} problems; give it more")
    rejected = rejected_answers(task, [*drawn[:_VALIDATED], *judged[:_VALIDATED]])
    if rejected:
        raise UserError(
            f"the verifier of task {task.name} rejects the answer {rejected[0].answer!r} of its own problem "
            f"{rejected[0].id} ({len(rejected)} such problems found); mend the verifier or the data"
        )
