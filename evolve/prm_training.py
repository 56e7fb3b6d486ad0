"""The job that trains a process model on labelled solutions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from evolve.models import device_of
from evolve.prm_engine import EngineWrites
from evolve.stages import StageResult
from evolve.train_prm_config import TrainPrmConfig
from policy.config import EngineConfig
from policy.proposer import PromptEncoder
from prm.losses.config import LossSettings
from prm.train_steps import StepTraining, train_on_labels
from tasks.readers.labelled import LabelledSolution


def train_job(
    report: Callable[..., None],
    solutions: list[LabelledSolution],
    config: TrainPrmConfig,
    settings: LossSettings,
    about: dict[str, Any],
    out: Path,
) -> StageResult:
    """Train, judge, write the folder; the result is what its ``prm.json`` holds.

    ``out`` differs from rank to rank (``evolve.ranks``); a training under way has its files beside ``config.out``.
    """
    done = Path(config.out)
    asked = StepTraining(
        settings,
        Path(config.base),
        out,
        config.optimiser,
        config.held_out,
        config.step_end,
        config.cut_long,
        config.seed,
        device_of(EngineConfig(device=config.device)),
        reason=config.reason,
        answer_template=config.answer_template if config.sees_answer else "",
        patience=config.patience,
        validation=config.validation,
        under_way=done.with_name(f"{done.name}.training"),
        checkpoint_steps=config.checkpoint_steps,
    )
    found = train_on_labels(
        solutions,
        asked,
        partial(PromptEncoder, config.prompt),
        about,
        lambda record, steps: report(record.step, steps, loss=record.loss),
        make_writes=EngineWrites,
    )
    return StageResult(found)
