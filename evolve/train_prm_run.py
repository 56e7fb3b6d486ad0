"""Training a process model on a file of labelled solutions (docs/prm.md), in a process of its own."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich import box
from rich.table import Table

from evolve.executor import Pool
from evolve.progress import stage_progress
from evolve.ranks import RankPool, launched, refuse_one_gpu
from evolve.stages import perform
from evolve.train_prm_config import TrainPrmConfig, loss_settings
from evolve.workers import Job, WorkerPool
from policy.config import EngineConfig
from prm.record import RECORD
from tasks.durable import sha256_file
from tasks.errors import DataError, UserError
from tasks.readers.care import refuse_shared
from tasks.readers.formats import read_labelled

_NOT_TOLD = ("out", "overwrite", "device", "workers", "progress")


def train_prm(config: TrainPrmConfig) -> dict[str, Any]:
    """Train and write ``config.out``, whole or not at all; what its ``prm.json`` holds. UserError for bad labels.

    A training that was killed is taken up from ``OUT.training`` by the same options and data.
    """
    settings = loss_settings(config)
    out, data = Path(config.out), Path(config.data)
    if out.exists() and not config.overwrite:
        raise UserError(f"{out} is there already; name another folder with out=FOLDER, or add overwrite=true")
    solutions = list(read_labelled(data, config.form))
    if config.judged_on:
        refuse_shared({config.judged_on: read_labelled(Path(config.judged_on), "own"), str(data): solutions})
    about: dict[str, Any] = {"data": str(data), "sha256": sha256_file(data), "base": config.base}
    about |= {"form": config.form, "template": config.prompt.template, "options": plain_options(config)}
    kwargs = {"solutions": solutions, "config": config, "settings": settings, "about": about, "out": out}
    job = Job(f"PRM ({config.loss})", perform, {"job": "evolve.prm_training:train_job", "kwargs": kwargs})
    with (
        _open_pool(config) as pool,
        stage_progress(f"train the PRM ({config.loss})", 1, enabled=config.progress) as bar,
    ):
        (outcome,) = pool.run([job], on_progress=bar.follow_jobs)
    result: dict[str, Any] = outcome.value.result
    return result


def plain_options(config: TrainPrmConfig) -> dict[str, Any]:
    """What ``prm.json`` says of how the model was trained, as plain data: all but where it went and who did it."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return {name: value for name, value in plain.items() if name not in _NOT_TOLD}


def options_of(record: dict[str, Any], folder: Path) -> TrainPrmConfig:
    """The options that a model was trained with, from its record. DataError if it does not tell them."""
    try:
        merged = OmegaConf.merge(OmegaConf.structured(TrainPrmConfig), record["options"])
        return cast(TrainPrmConfig, OmegaConf.to_object(merged))
    except (KeyError, ValueError, OmegaConfBaseException) as error:
        raise DataError(
            f"{folder / RECORD}: the options of the training cannot be read ({error}); train again"
        ) from error


def engine_of(config: TrainPrmConfig) -> EngineConfig:
    """The device of the training, as all ranks are to know it."""
    return EngineConfig(device=config.device)


def _open_pool(config: TrainPrmConfig) -> Pool:
    if launched() > 1:
        refuse_one_gpu("device", config.device)
        return RankPool(engine_of(config))
    return WorkerPool(config.workers)


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
