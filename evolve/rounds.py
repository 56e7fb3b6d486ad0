"""The rounds: cold start, then search, select, learn, evaluate, over and over (rStar-Math section 3.4).

round 0    cold start                                -> policy
round N    search   policy N-1 (and PPM N-1 in the PPM-augmented mode) -> trees
           select   trees                            -> sft.jsonl, pairs.jsonl
           learn    PPM N and policy N, side by side
           evaluate policy N with PPM N on held-out problems
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evolve.config import EvolveConfig, PolicyUpdate, PpmStart, SearchStageConfig, round_search
from evolve.report import write_reports
from evolve.samples import write_samples
from evolve.spending import round_flops
from evolve.stages import RunContext, Stage
from evolve.statistics import quarantine, summarise
from evolve.supply import SUCCESS, Supply
from evolve.teacher import refuse_other_tokenizer, teaching_policy, trees_of
from evolve.work import EvaluationWork, SearchWork, groups, judging_units
from mcts.config import Mode
from policy.config import TrainFrom
from prm.losses.config import LossName
from tasks.durable import write_json_atomic
from tasks.problem import Problem, Task
from tasks.registry import build_task
from tasks.seeding import derive_seed


@dataclass(frozen=True)
class _Round:
    """One round's number and folders."""

    number: int
    folder: Path
    previous: Path

    @property
    def trees(self) -> Path:
        return self.folder / "trees"


class Evolution:
    """Carries a run through its rounds. What is on disk already is not done again."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._config: EvolveConfig = context.config
        self._task: Task = build_task(context.config.task)
        self._solved: set[str] = set()
        self._suspects: dict[str, dict[str, Any]] = {}  # by problem id
        self._supply = Supply(self._task, self._config, lambda n: context.folder.round_dir(n) / SUCCESS)

    def run(self) -> dict[str, Any]:
        """Do every round that is not done; returns what ``summary.json`` holds."""
        done = self._context.folder.rounds_done()
        self._cold_start()
        summary = self._report(0, done)
        for number in range(1, self._config.rounds + 1):
            folder = self._context.folder.round_dir(number)
            self._round(_Round(number, folder, self._context.folder.round_dir(number - 1)))
            summary = self._report(number, done)
        return summary

    def _report(self, number: int, done_before: list[int]) -> dict[str, Any]:
        summary = write_reports(self._context, number)
        if number not in done_before:
            self._context.track_round(summary["rounds"][-1])
        return summary

    def _cold_start(self) -> None:
        config, folder = self._config, self._context.folder.round_dir(0)
        kwargs = {
            "task": config.task,
            "policy": config.policy,
            "engine": config.engine,
            "seed": config.seed,
            "out": folder / "policy",
        }
        stage = Stage("cold_start", "evolve.training:cold_start", kwargs, [folder / "policy"])
        (done,) = self._context.run_phase(0, "cold start", [stage])
        self._context.folder.add_provenance(
            {"model": "round_0/policy", "from": config.policy.path or "nothing", "trained_on": "demonstrations"}
        )
        self._evaluate(_Round(0, folder, folder), {"train": done})

    def _round(self, this: _Round) -> None:
        search = round_search(self._config, this.number)
        if this.number == 1 and (teacher := teaching_policy(self._config.teacher)) is not None:
            refuse_other_tokenizer(teacher, this.previous / "policy")
        taken_from = self._taken_from(this)
        found = self._search(this, search) if taken_from is None else self._take_trees(this, taken_from)
        selected = self._select(this, found)
        about = {"search": found, "select": selected, **self._learn(this)}
        guide = None if search.mode is Mode.TERMINAL_GUIDED else this.previous / "ppm"
        trained = this.folder / "policy", this.folder / "ppm"
        self._evaluate(this, {**about, "flops": round_flops(about, self._grower(this), guide, *trained)})

    # Search

    def _search(self, this: _Round, search: SearchStageConfig) -> dict[str, Any]:
        problems, told = self._supply.problems(this.number, set(self._suspects))
        held_out = self._task.problems(self._config.evaluation.split, search.held_out)
        stages = self._search_stages(this, search, problems, "tree1")
        judged = self._search_stages(this, search, held_out, "held_out", this.folder / "held_out_trees")
        results = self._context.run_phase(this.number, "search", [*stages, *judged])
        judging = _total([result["counts"] for result in results[len(stages) :]])
        solved = {name for result in results[: len(stages)] for name in result["solved"]}
        first_coverage = len(solved) / len(problems)
        for number, rollouts in enumerate(search.escalation, start=2):
            unsolved = [p for p in problems if p.id not in solved]
            again = replace(search, rollouts=rollouts, escalation=[])
            stages = self._search_stages(this, again, unsolved, f"tree{number}")
            more = self._context.run_phase(this.number, f"search of {len(unsolved)} unsolved problems", stages)
            solved |= {name for result in more for name in result["solved"]}
            results += more
        self._solved |= solved
        self._list_suspects(this, problems)
        counts = _total([result["counts"] for result in results])
        return {
            "mode": str(search.mode),
            "problems": len(problems),
            **told,
            "suspects": len(self._suspects),
            "first_coverage": round(first_coverage, 6),
            "coverage": round(len(solved) / len(problems), 6),
            **counts,
            "held_out": judging,  # what of the counts the held-out trees took
            "cache_hit_rate": _share(counts.get("cached_tokens", 0), counts.get("prefilled_tokens", 0)),
            "verdicts": _total([result["verdicts"] for result in results]),
        }

    def _search_stages(
        self, this: _Round, search: SearchStageConfig, problems: list[Problem], name: str, folder: Path | None = None
    ) -> list[Stage]:
        from_ppm = search.mode is not Mode.TERMINAL_GUIDED
        work = SearchWork(
            task=self._config.task,
            policy=self._config.policy,
            engine=self._config.engine,
            search=search,
            policy_path=self._grower(this),
            ppm_path=this.previous / "ppm" if from_ppm else None,
            seed=derive_seed(self._config.seed, "search", this.number, name),
            scorer=self._config.ppm.scorer,
        )
        stages = []
        for index, group in enumerate(groups(problems, search.group)):
            out = (folder or this.trees) / f"{name}-{index:05d}.jsonl.gz"
            kwargs = {"work": work, "problems": group, "out": out}
            job = "evolve.search_stage:search_group"
            stages.append(Stage(f"search-{name}-{index:05d}", job, kwargs, [out], len(group), "problems"))
        return stages

    def _taken_from(self, this: _Round) -> Path | None:
        """The round of another run whose trees this one takes; None if it searches for itself."""
        source = self._config.teacher.round
        return Path(source) if source is not None and this.number == 1 else None

    def _take_trees(self, this: _Round, source: Path) -> dict[str, Any]:
        files = [this.folder / name / path.name for name, paths in trees_of(source).items() for path in paths]
        kwargs = {"source": source, "out": this.folder, "task": self._config.task}
        stage = Stage("search-taken", "evolve.teacher:take_trees", kwargs, files)
        (found,) = self._context.run_phase(this.number, f"take the trees of {source}", [stage])
        self._list_suspects(this, [])
        return found

    def _grower(self, this: _Round) -> Path:
        """The policy that grows, or grew, the trees of a round."""
        teacher = teaching_policy(self._config.teacher) if this.number == 1 else None
        return this.previous / "policy" if teacher is None else teacher

    def _list_suspects(self, this: _Round, problems: list[Problem]) -> None:
        """Add those of the round: what is suspect is searched no more, so nothing can clear it."""
        suspects = quarantine(problems, self._solved, self._config.selection.quarantine)
        self._suspects |= {suspect["id"]: suspect for suspect in suspects}
        write_json_atomic(this.folder / "quarantine.json", list(self._suspects.values()))

    # Learning

    def _select(self, this: _Round, found: dict[str, Any]) -> dict[str, Any]:
        config = self._config
        kwargs = {
            "trees": sorted(this.trees.glob("*.jsonl.gz")),
            "held_out_trees": sorted((this.folder / "held_out_trees").glob("*.jsonl.gz")),
            "selection": config.selection,
            "ppm": config.ppm,
            "task": config.task,
            "out": this.folder,
            "seed": derive_seed(config.seed, "select", this.number),
        }
        names = ["sft.jsonl", "pairs.jsonl", "held_out_pairs.jsonl", SUCCESS]
        if config.ppm.loss is not LossName.PAIRWISE:
            names.append("labels.jsonl")
        files = [this.folder / name for name in names]
        stage = Stage("select", "evolve.selection:select_data", kwargs, files)
        return self._context.run_phase(this.number, "select", [stage])[0]

    def _learn(self, this: _Round) -> dict[str, Any]:
        start = self._context.folder.round_dir(0) if self._config.policy.train_from is TrainFrom.BASE else this.previous
        continued = self._config.ppm.start is PpmStart.PREVIOUS and this.number > 1
        ppm_base = this.previous / ("ppm" if continued else "policy")
        stages = [self._ppm_stage(this, ppm_base), self._policy_stage(this, start / "policy")]
        trained_ppm, trained_policy = self._context.run_phase(this.number, "train PPM and policy", stages)
        grower, root = self._grower(this), self._context.folder.root
        told = grower.relative_to(root) if grower.is_relative_to(root) else grower
        is_taken = "taken_from" in trained_ppm
        ppm_start = trained_ppm["taken_from"] + "/ppm" if is_taken else f"{ppm_base.parent.name}/{ppm_base.name}"
        for model, base in (("ppm", ppm_start), ("policy", f"{start.name}/policy")):
            self._context.folder.add_provenance(
                {"model": f"{this.folder.name}/{model}", "from": base, "trained_on": f"trees grown by {told}"}
            )
        return {"ppm": trained_ppm, "policy": trained_policy}

    def _ppm_stage(self, this: _Round, base: Path) -> Stage:
        """The stage that makes the round's PPM: takes a teacher's, or trains on pairs, or on labels."""
        config, out = self._config, this.folder / "ppm"
        source = self._taken_from(this)
        if config.teacher.ppm and source is not None:
            return Stage("ppm", "evolve.teacher:take_ppm", {"source": source, "out": out}, [out])
        kwargs = self._training(this, "PPM", base, out)
        kwargs["held_out_path"] = this.folder / "held_out_pairs.jsonl"
        if config.ppm.loss is LossName.PAIRWISE:
            kwargs |= {"pairs_path": this.folder / "pairs.jsonl", "optimiser": config.ppm.optimiser}
            return Stage("ppm", "evolve.training:train_ppm", kwargs, [out])
        kwargs |= {"labels_path": this.folder / "labels.jsonl", "ppm": config.ppm}
        return Stage("ppm", "evolve.value_training:train_value", kwargs, [out])

    def _policy_stage(self, this: _Round, base: Path) -> Stage:
        """The stage that trains the round's policy, on the chosen trajectories or on the pairs."""
        out = this.folder / "policy"
        kwargs = self._training(this, "policy", base, out)
        if self._config.policy_update is PolicyUpdate.DPO:
            kwargs |= {"pairs_path": this.folder / "pairs.jsonl", "dpo": self._config.dpo}
            return Stage("policy", "evolve.pair_learning:train_policy_on_pairs", kwargs, [out])
        kwargs["rows_path"] = this.folder / "sft.jsonl"
        return Stage("policy", "evolve.training:train_policy", kwargs, [out])

    def _training(self, this: _Round, model: str, base: Path, out: Path) -> dict[str, Any]:
        """What every job that trains a round's model is told."""
        config, what = self._config, f"{model} of round {this.number}"
        common = {"policy": config.policy, "engine": config.engine, "seed": config.seed}
        return {**common, "base": base, "what": what, "out": out}

    # Judging

    def _evaluate(self, this: _Round, about: dict[str, Any]) -> None:
        config = self._config
        problems = self._task.problems(config.evaluation.split, config.evaluation.problems)
        work = EvaluationWork(
            task=config.task,
            policy=config.policy,
            engine=config.engine,
            evaluation=config.evaluation,
            policy_path=this.folder / "policy",
            ppm_path=this.folder / "ppm" if this.number else None,
            seed=derive_seed(config.seed, "evaluation", this.number),
            scorer=config.ppm.scorer,
        )
        job, each = "evolve.evaluation:evaluate_group", judging_units(work)
        stages = [
            Stage(f"evaluate-{index:05d}", job, {"work": work, "problems": part}, [], each * len(part))
            for index, part in enumerate(groups(problems, config.evaluation.group))
        ]
        results = self._context.run_phase(this.number, "evaluate", stages)
        records = [record for result in results for record in result["records"]]
        about["evaluation"] = {
            **summarise(records),
            "split": str(config.evaluation.split),
            "generated_tokens": sum(result["generated_tokens"] for result in results),
        }
        write_json_atomic(this.folder / "eval.json", {"round": this.number, **about, "records": records})
        write_samples(this.folder / "samples.md", problems, records, self._task.oracle)
        self._context.folder.finish_round(this.number)


def _share(part: int, rest: int) -> float | None:
    """``part`` of both, None of nothing."""
    return round(part / (part + rest), 6) if part + rest else None


def _total(counts: list[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in counts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))
