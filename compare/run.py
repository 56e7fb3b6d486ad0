"""One comparison from its config to its reports."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compare.arms.work import ArmWork, Trees, TreesWork, plain
from compare.config import RESULT_NEUTRAL, ArmConfig, CompareConfig, Recipe, check, check_arm
from compare.jobs import Failed, Jobs, SeedStage
from compare.ledger import Ledger
from compare.report import write_reports
from compare.summary import ArmRuns, SeedRun, summarise
from evolve.executor import open_pool
from evolve.journal import RunLog
from evolve.run_folder import RunFolder, open_run
from evolve.stages import Stage
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
    task = build_task(config.task)
    _refuse_bad_problems(config, task)
    note = RunLog(root / "log.txt").write
    with (
        open_run(root, settings, config.overwrite, RESULT_NEUTRAL, part="seed") as folder,
        open_pool(config.executor, config.workers, config.ray, config.engine.device, root, note) as pool,
        tracking(config.wandb, root, settings) as tracker,
    ):
        jobs = Jobs(folder, pool, tracker, config.progress)
        jobs.log.write(f"started with {config.workers} workers ({config.executor})")
        _refuse_changed_arms(config, folder)
        begun = time.monotonic()
        try:
            results = Comparison(config, task, jobs).run()
        except BaseException as error:
            jobs.log.write(f"stopped: {type(error).__name__}: {error}")
            raise
        sweep_temporaries(root)
        write_reports(root, results)
        jobs.log.write(f"finished after {time.monotonic() - begun:.0f} s")
        return results


class Comparison:
    """Cold starts, then the trees that arms ask for, then the arms: each phase side by side over the seeds."""

    def __init__(self, config: CompareConfig, task: Task, jobs: Jobs) -> None:
        self._config = config
        self._jobs = jobs
        self._refused = {name: _refusal(name, arm, task) for name, arm in config.arms.items()}
        self._starts: dict[int, dict[str, Any] | Failed] = {}

    def run(self) -> dict[str, Any]:
        """Do what is not done; returns what ``summary.json`` holds."""
        seeds = range(self._config.seeds)
        starts = [SeedStage(seed, self._start(seed)) for seed in seeds]
        self._starts = dict(zip(seeds, self._jobs.do("cold starts", starts), strict=True))
        trees = self._grow()
        planned = {(name, seed): self._plan(name, seed, trees) for seed in seeds for name in self._config.arms}
        stages = [each for each in planned.values() if isinstance(each, SeedStage)]
        done = {each.key: found for each, found in zip(stages, self._jobs.do("arms", stages), strict=True)}
        outcomes = {place: each if isinstance(each, Failed) else done[each.key] for place, each in planned.items()}
        return self._summary(outcomes)

    def _folder(self, seed: int) -> Path:
        return self._jobs.folder.round_dir(seed)

    def _start(self, seed: int) -> Stage:
        out = self._folder(seed) / "cold_start"
        kwargs = {"config": self._config, "seed": seed, "out": out}
        return Stage("cold_start", "compare.arms.start:make_start", kwargs, [out])

    def _grow(self) -> dict[tuple[str, int], dict[str, Any] | Failed]:
        """Results by name and seed of every set of trees that an arm wants; arms that want alike share them."""
        wanted = {
            (_trees_name(arm), seed): arm
            for seed, start in self._starts.items()
            for name, arm in self._config.arms.items()
            if _trees_name(arm) and not self._refused[name] and not isinstance(start, Failed)
        }
        stages = []
        for (name, seed), arm in wanted.items():
            out = self._folder(seed) / name
            work = TreesWork(self._config, seed, self._folder(seed) / "cold_start", arm.trees, arm.needs_ppm, out)
            stages.append(SeedStage(seed, Stage(name, "compare.arms.trees:grow_trees", {"work": work}, [out])))
        return dict(zip(wanted, self._jobs.do("trees", stages), strict=True))

    def _plan(
        self, name: str, seed: int, trees: Mapping[tuple[str, int], dict[str, Any] | Failed]
    ) -> SeedStage | Failed:
        """The stage of an arm and seed, or why there can be none."""
        arm, start, folder = self._config.arms[name], self._starts[seed], self._folder(seed)
        if refused := self._refused[name]:
            return Failed(refused)
        if isinstance(start, Failed):
            return start
        grown = None
        if trees_name := _trees_name(arm):
            found = trees[trees_name, seed]
            if isinstance(found, Failed):
                return found
            ledger = _with_seconds(found["ledger"], self._jobs.seconds().get(f"seed_{seed}/{trees_name}", {}))
            grown = Trees(folder / trees_name, ledger)
        out = folder / name
        work = ArmWork(self._config, name, seed, folder / "cold_start", start["right"], grown, out)
        files = [] if arm.recipe is Recipe.SFT else [out]  # nothing is made of the cold start
        return SeedStage(seed, Stage(name, "compare.arms.run:run_arm", {"work": work}, files))

    def _summary(self, outcomes: Mapping[tuple[str, int], dict[str, Any] | Failed]) -> dict[str, Any]:
        config, seconds = self._config, self._jobs.seconds()
        rows = self._jobs.metrics()
        runs: dict[str, dict[int, SeedRun | str]] = {name: {} for name in config.arms}
        for (name, seed), found in outcomes.items():
            start = self._starts[seed]
            if isinstance(found, Failed) or isinstance(start, Failed):
                runs[name][seed] = found.reason if isinstance(found, Failed) else "the cold start failed"
                continue
            key = f"seed_{seed}/{name}"
            samples = f"{key}/samples.md"
            runs[name][seed] = SeedRun(
                start_right=start["right"],
                final_right=found["right"],
                curve=[(flops, accuracy) for flops, accuracy in found["curve"]],
                ledger=_with_seconds(found["ledger"], seconds.get(key, {})),
                hacking=[{each: row[each] for each in row if each.startswith("hack/")} for row in rows.get(key, [])],
                fidelity=found.get("fidelity", {}),
                links={"solutions": samples} if (self._jobs.folder.root / samples).exists() else {},
            )
        arms = {name: ArmRuns(config.arms[name].supervision, runs[name]) for name in config.arms}
        return summarise(
            arms,
            config.budget,
            references=config.references,
            alarm=config.alarm,
            seed=config.seed,
            split=config.judging.split,
        ) | {"name": self._jobs.folder.root.name}


def _trees_name(arm: ArmConfig) -> str:
    """What the trees that the arm wants are called; empty if it wants none."""
    if not arm.needs_ppm and arm.recipe is not Recipe.STEP_DPO:
        return ""
    return f"trees-{arm.trees:g}" + ("-ppm" if arm.needs_ppm else "")


def _refusal(name: str, arm: ArmConfig, task: Task) -> str:
    try:
        check_arm(name, arm, task)
    except UserError as error:
        return str(error)
    return ""


def _with_seconds(ledger: Mapping[str, Any], seconds: Mapping[str, float]) -> dict[str, Any]:
    """A ledger from the record, which has no times, with the times."""
    found = Ledger.from_json(ledger)
    for phase, spent in seconds.items():
        found.add(phase, seconds=spent)
    return found.to_json()


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
