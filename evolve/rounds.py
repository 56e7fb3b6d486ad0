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

from evolve.config import EvolveConfig, PpmStart, ProblemChoice, SearchStageConfig, round_search
from evolve.report import write_reports
from evolve.samples import write_samples
from evolve.stages import RunContext, Stage
from evolve.statistics import quarantine, summarise
from evolve.work import EvaluationWork, SearchWork, groups, judging_units
from mcts.config import Mode
from policy.config import TrainFrom
from tasks.durable import write_json_atomic
from tasks.problem import Problem, Split, Task
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
        self._suspects: set[str] = set()

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
        found = self._search(this, search)
        selected = self._select(this, found)
        learned = self._learn(this)
        self._evaluate(this, {"search": found, "select": selected, **learned})

    # Search

    def _search(self, this: _Round, search: SearchStageConfig) -> dict[str, Any]:
        problems = training_problems(self._task, self._config, this.number)
        held_out = self._task.problems(self._config.evaluation.split, search.held_out)
        stages = self._search_stages(this, search, problems, "tree1")
        judged = self._search_stages(this, search, held_out, "held_out", this.folder / "held_out_trees")
        results = self._context.run_phase(this.number, "search", [*stages, *judged])
        solved = {name for result in results[: len(stages)] for name in result["solved"]}
        first_coverage = len(solved) / len(problems)
        for number, rollouts in enumerate(search.escalation, start=2):
            unsolved = [p for p in problems if p.id not in solved | self._suspects]
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
            "first_coverage": round(first_coverage, 6),
            "coverage": round(len(solved) / len(problems), 6),
            **counts,
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
            policy_path=this.previous / "policy",
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

    def _list_suspects(self, this: _Round, problems: list[Problem]) -> None:
        suspects = quarantine(problems, self._solved, self._config.selection.quarantine)
        self._suspects = {suspect["id"] for suspect in suspects}
        write_json_atomic(this.folder / "quarantine.json", suspects)

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
        }
        files = [this.folder / name for name in ("sft.jsonl", "pairs.jsonl", "held_out_pairs.jsonl")]
        stage = Stage("select", "evolve.selection:select_data", kwargs, files)
        return self._context.run_phase(this.number, "select", [stage])[0]

    def _learn(self, this: _Round) -> dict[str, Any]:
        config, folder = self._config, this.folder
        start = self._context.folder.round_dir(0) if config.policy.train_from is TrainFrom.BASE else this.previous
        continued = config.ppm.start is PpmStart.PREVIOUS and this.number > 1
        common = {"policy": config.policy, "engine": config.engine, "seed": config.seed}
        policy = {
            **common,
            "rows_path": folder / "sft.jsonl",
            "base": start / "policy",
            "what": f"policy of round {this.number}",
            "out": folder / "policy",
        }
        ppm = {
            **common,
            "pairs_path": folder / "pairs.jsonl",
            "held_out_path": folder / "held_out_pairs.jsonl",
            "base": this.previous / ("ppm" if continued else "policy"),
            "optimiser": config.ppm.optimiser,
            "what": f"PPM of round {this.number}",
            "out": folder / "ppm",
        }
        stages = [
            Stage("ppm", "evolve.training:train_ppm", ppm, [folder / "ppm"]),
            Stage("policy", "evolve.training:train_policy", policy, [folder / "policy"]),
        ]
        trained_ppm, trained_policy = self._context.run_phase(this.number, "train PPM and policy", stages)
        grower = f"{this.previous.name}/policy"
        ppm_start = f"{this.previous.name}/{'ppm' if continued else 'policy'}"
        for model, base in (("ppm", ppm_start), ("policy", f"{start.name}/policy")):
            self._context.folder.add_provenance(
                {"model": f"{folder.name}/{model}", "from": base, "trained_on": f"trees grown by {grower}"}
            )
        return {"ppm": trained_ppm, "policy": trained_policy}

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


def training_problems(task: Task, config: EvolveConfig, round_number: int) -> list[Problem]:
    """The problems that a round searches: the first ones, or with ``choice=fresh`` those after the rounds' before.

    A task whose problems stand in a file may hold fewer than are asked for, even none.
    """
    search = round_search(config, round_number)
    is_fresh = search.choice is ProblemChoice.FRESH
    used = sum(round_search(config, number).problems for number in range(1, round_number)) if is_fresh else 0
    return task.problems(Split.TRAIN, used + search.problems)[used:]


def _share(part: int, rest: int) -> float | None:
    """``part`` of both, None of nothing."""
    return round(part / (part + rest), 6) if part + rest else None


def _total(counts: list[dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for part in counts:
        for name, count in part.items():
            total[name] = total.get(name, 0) + count
    return dict(sorted(total.items()))
