"""Training a process model on a file of labelled solutions (docs/prm.md), in a process of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from evolve.progress import stage_progress
from evolve.stages import perform
from evolve.train_prm_config import TrainPrmConfig, loss_settings
from evolve.workers import Job, WorkerPool
from tasks.durable import sha256_file
from tasks.errors import UserError
from tasks.readers.formats import read_labelled


def train_prm(config: TrainPrmConfig) -> dict[str, Any]:
    """Train and write ``config.out``, whole or not at all; what its ``prm.json`` holds. UserError for bad labels."""
    settings = loss_settings(config)
    out, data = Path(config.out), Path(config.data)
    if out.exists() and not config.overwrite:
        raise UserError(f"{out} is there already; name another folder with out=FOLDER, or add overwrite=true")
    solutions = list(read_labelled(data, config.form))
    about = {"data": str(data), "sha256": sha256_file(data), "base": config.base}
    kwargs = {"solutions": solutions, "config": config, "settings": settings, "about": about}
    job = Job(f"PRM ({config.loss})", perform, {"job": "evolve.prm_training:train_job", "kwargs": kwargs})
    with (
        WorkerPool(config.workers) as pool,
        stage_progress(f"train the PRM ({config.loss})", 1, enabled=config.progress) as bar,
    ):
        (outcome,) = pool.run([job], on_progress=bar.follow_jobs)
    result: dict[str, Any] = outcome.value.result
    return result


def held_out_table(found: dict[str, Any]) -> Table:
    """What the model makes of steps, and of whole solutions, of problems that it did not learn from."""
    rows = found["rows"]
    table = Table(
        title=f"{rows['held_out']} held-out solutions, {rows['learned']} learned from",
        box=box.SIMPLE_HEAD,
        min_width=64,
    )
    for name in ("", "judged", "accuracy", "larger side", "order"):
        table.add_column(name, justify="left" if not name else "right")
    for name, title in (("steps", "steps"), ("ends", "whole solutions")):
        one = found["held_out"][name]
        shares = (one["accuracy"], one["majority"], one["order"])
        table.add_row(title, f"{one['count']:,}", *("-" if x is None or math.isnan(x) else f"{x:.1%}" for x in shares))
    return table
