"""Writing verifications for the steps of a file of labelled solutions into another file (docs/prm.md)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from evolve.evaluate_run import finished_round, refuse_damage
from evolve.progress import stage_progress
from evolve.run_trees import find_run
from evolve.saved_config import load_config
from evolve.stages import perform
from evolve.verification_config import VerificationsConfig, VerificationSource, check_verifications
from evolve.workers import Job, WorkerPool
from prm.generative.verifications import verifications_of
from tasks.errors import DataError, UserError
from tasks.readers.formats import read_labelled, write_labelled
from tasks.readers.labelled import LabelledSolution
from tasks.seeding import derive_seed


def write_verifications(wanted: VerificationsConfig) -> Counter[str]:
    """Write ``wanted.out``, whole or not at all; counts of what it holds. UserError for what cannot be verified."""
    check_verifications(wanted)
    out = Path(wanted.out)
    if out.exists() and not wanted.overwrite:
        raise UserError(f"{out} is there already; name another file with out=FILE, or add overwrite=true")
    solutions = list(read_labelled(Path(wanted.data), "own"))
    if not solutions:
        raise UserError(f"{wanted.data} holds no solution; label some with scripts.label")
    jobs = _jobs(wanted, solutions)
    with (
        WorkerPool(wanted.workers) as pool,
        stage_progress("verify", len(solutions), enabled=wanted.progress, unit="solutions") as bar,
    ):
        results = [outcome.value.result for outcome in pool.run(jobs, on_progress=bar.follow, in_order=True)]
    verified = [one for result in results for one in result["solutions"]]
    counts = _counts(verified)
    counts["tokens sampled"] = sum(result["generated"] for result in results)
    if not counts["verifications"]:
        raise UserError(f"source={wanted.source} wrote no verification; raise reason.max_tokens, or use another source")
    write_labelled(out, verified)
    return counts


def verification_table(counts: Counter[str], wanted: VerificationsConfig) -> Table:
    """A row each count."""
    table = Table(title=f"verifications by {wanted.source}", box=box.SIMPLE, show_header=False)
    table.add_column("", justify="left")
    table.add_column("", justify="right")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    return table


def _jobs(wanted: VerificationsConfig, solutions: list[LabelledSolution]) -> list[Job]:
    """One for each stretch of solutions; which those are depends on nothing but the options."""
    seed = derive_seed(wanted.seed, "verifications")
    shared: dict[str, Any] = {"wanted": wanted, "seed": seed}
    job = "evolve.verification_job:judge_job"  # imported by the workers alone: it needs torch
    if wanted.source is VerificationSource.REDO:
        job = "evolve.verification_job:redo_job"
        for number, one in enumerate(solutions, start=1):
            if not one.token_ids:
                raise DataError(
                    f"{wanted.data}: solution {number} has no token ids, so the policy cannot do its steps again; "
                    "label a run's solutions with scripts.label, or use source=judge"
                )
        root = find_run(wanted.run)
        folder = root / f"round_{finished_round(root, wanted.round)}"
        refuse_damage(folder)
        shared |= {"of_run": load_config(root), "policy_path": folder / "policy"}
    starts = range(0, len(solutions), wanted.group)
    parts = [solutions[start : start + wanted.group] for start in starts]
    return [
        Job(f"solutions {start + 1} on", perform, {"job": job, "kwargs": {"solutions": part, **shared}})
        for start, part in zip(starts, parts, strict=True)
    ]


def _counts(solutions: list[LabelledSolution]) -> Counter[str]:
    """Verifications by what they conclude, against the labels of their steps."""
    counts: Counter[str] = Counter(solutions=len(solutions), steps=0, verifications=0)
    for one in solutions:
        for label, own in zip(one.labels, verifications_of(one, ""), strict=True):
            counts["steps"] += 1
            counts["steps without a verification"] += not own
            for each in own:
                counts["verifications"] += 1
                if each.verdict is None or not label:
                    counts["undecided, or of a step without a label"] += 1
                else:
                    counts["agree with the label's sign" if each.verdict == (label > 0) else "disagree"] += 1
    return counts
