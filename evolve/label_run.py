"""Labelling the steps of a run's solutions, or reading labels that people gave, into one file (docs/prm.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from evolve.evaluate_run import finished_round, refuse_damage
from evolve.label_config import OF_TREES, LabelConfig, LabelMethod, SolutionSource, check_label
from evolve.label_solutions import from_trees
from evolve.progress import stage_progress
from evolve.run_trees import find_run
from evolve.saved_config import load_config
from evolve.stages import perform
from evolve.work import LabelWork, groups
from evolve.workers import Job, WorkerPool
from prm.labels.base import Costs
from prm.labels.human import human_labels
from tasks.errors import UserError
from tasks.problem import Split
from tasks.readers.formats import write_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.registry import build_task
from tasks.seeding import derive_seed


@dataclass
class Labelling:
    """What was labelled: the counts of the file, and what the labels cost. ``left_out``: solutions without labels."""

    problems: int = 0
    left_out: int = 0
    drawn_tokens: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    costs: Costs = field(default_factory=Costs)


def label_run(wanted: LabelConfig) -> Labelling:
    """Label what is asked for and write ``wanted.out``, whole or not at all. UserError for what cannot be labelled."""
    check_label(wanted)
    out = Path(wanted.out)
    if out.exists() and not wanted.overwrite:
        raise UserError(f"{out} is there already; name another file with out=FILE, or add overwrite=true")
    done = Labelling()
    if wanted.method is LabelMethod.HUMAN:
        labelled = list(human_labels(Path(str(wanted.data)), wanted.form))
        done.problems = len({one.prompt for one in labelled})
    else:
        labelled = list(_of_run(wanted, done))
    if not labelled:
        raise UserError(
            f"method={wanted.method} labelled none of {done.left_out} solutions of {done.problems} problems, so there "
            "is nothing to write; use more problems, or another method"
        )
    done.counts = _counts(labelled)
    write_labelled(out, labelled)
    return done


def _of_run(wanted: LabelConfig, done: Labelling) -> Iterator[LabelledSolution]:
    root = find_run(wanted.run)
    number = finished_round(root, wanted.round)
    about = {"run": root.resolve().name, "round": number, "policy": f"round_{number}/policy"}
    results = _run_jobs(wanted, _jobs(wanted, root, number, done), done.problems)
    for result in results:
        done.costs.add(Costs(**result["costs"]))
        done.drawn_tokens += result["drawn_tokens"]
        done.left_out += sum(one is None for one in result["labelled"])
        for one in result["labelled"]:
            if one is not None:
                yield replace(one, meta={**one.meta, **about})


def _jobs(wanted: LabelConfig, root: Path, number: int, done: Labelling) -> list[Job]:
    """One for each group of problems; which those are depends on nothing but the options."""
    config, folder = load_config(root), root / f"round_{number}"
    refuse_damage(folder)
    seed = derive_seed(wanted.seed, "label", number)
    draws = derive_seed(seed, "draw", wanted.draw) if wanted.draw else seed
    work = LabelWork(config, wanted, folder / "policy", draws)
    kwargs: list[dict[str, Any]] = []
    if wanted.solutions is SolutionSource.TREES:
        given = from_trees(root, number, wanted.held_out, wanted.problems, wanted.per_problem, seed)
        # A tree is many times as large as a solution of it, and travels to a worker only where it is read there.
        given = [
            mine if wanted.method in OF_TREES else [replace(one, tree=None) for one in mine] for mine in given if mine
        ]
        done.problems = len(given)
        for start in range(0, len(given), wanted.group):
            part = given[start : start + wanted.group]
            kwargs.append({"problems": [mine[0].problem for mine in part], "given": part})
    else:
        split = config.evaluation.split if wanted.held_out else Split.TRAIN
        problems = build_task(config.task).problems(split, wanted.problems)
        done.problems = len(problems)
        kwargs = [{"problems": part, "given": None} for part in groups(problems, wanted.group)]
    job = "evolve.labelling:label_group"  # imported by the workers alone: it needs torch
    return [
        Job(f"group {index}", perform, {"job": job, "kwargs": {"work": work, **each}})
        for index, each in enumerate(kwargs)
    ]


def _run_jobs(wanted: LabelConfig, jobs: list[Job], problems: int) -> list[dict[str, Any]]:
    with (
        WorkerPool(wanted.workers) as pool,
        stage_progress("label", problems, enabled=wanted.progress, unit="problems") as bar,
    ):
        return [outcome.value.result for outcome in pool.run(jobs, on_progress=bar.follow, in_order=True)]


def _counts(labelled: list[LabelledSolution]) -> Counter[str]:
    """Solutions and steps by what their labels say; of a first error where the method finds one."""
    counts: Counter[str] = Counter(solutions=len(labelled))
    for one in labelled:
        counts["solutions with a label below 0"] += one.first_error >= 0
        for label in one.labels:
            kind = "without a label" if label is None else "above 0" if label > 0 else "below 0" if label < 0 else "0"
            counts["steps"] += 1
            counts[f"steps {kind}"] += 1
    return counts


def label_table(done: Labelling, wanted: LabelConfig) -> Table:
    """Counts, then costs: a row each."""
    table = Table(title=f"labels by {wanted.method}", box=box.SIMPLE, show_header=False)
    table.add_column("", justify="left")
    table.add_column("", justify="right")
    rows = {"problems": done.problems, **done.counts, "solutions left out": done.left_out}
    costs = {f"cost: {name.replace('_', ' ')}": count for name, count in asdict(done.costs).items()}
    for name, count in (rows | costs | {"drawn solutions: tokens": done.drawn_tokens}).items():
        table.add_row(name, f"{count:,}")
    return table
