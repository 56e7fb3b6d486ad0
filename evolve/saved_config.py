"""Between a run's ``config.yaml`` and its dataclasses."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from evolve.config import EvolveConfig
from prm.pairs import PairConfig
from tasks.config import TaskConfig
from tasks.errors import DataError, UserError
from tasks.mix import MixConfig
from tasks.registry import TASK_CONFIGS


def load_config(root: Path) -> EvolveConfig:
    """The config that the run in ``root`` was begun with."""
    path = root / "config.yaml"
    if not path.is_file():
        raise UserError(f"{root} is not a run folder (it has no config.yaml); name a folder such as outputs/demo")
    try:
        saved = yaml.safe_load(path.read_text(encoding="utf-8"))
        merged = OmegaConf.merge(OmegaConf.structured(EvolveConfig(task=_task_of(saved["task"]))), saved)
        return cast(EvolveConfig, OmegaConf.to_object(merged))
    except (OSError, yaml.YAMLError, OmegaConfBaseException, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read as a run's config ({str(error).splitlines()[0]})") from error


def load_task_and_pairs(root: Path) -> tuple[TaskConfig, PairConfig]:
    """What runs and comparisons say alike in their ``config.yaml``: the task, and what makes a preference pair."""
    path = root / "config.yaml"
    try:
        saved = yaml.safe_load(path.read_text(encoding="utf-8"))
        parts = ((_task_of(saved["task"]), saved["task"]), (PairConfig(), saved["ppm"]["pairs"]))
        merged = [OmegaConf.merge(OmegaConf.structured(schema), part) for schema, part in parts]
        return cast(tuple[TaskConfig, PairConfig], tuple(OmegaConf.to_object(part) for part in merged))
    except (OSError, yaml.YAMLError, OmegaConfBaseException, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read as a run's config ({str(error).splitlines()[0]})") from error


def _task_of(saved: dict[str, Any]) -> Any:
    """The task config that has all the saved fields, and the fewest besides: those came after the run was begun."""
    names = {schema: {field.name for field in fields(schema)} for schema in TASK_CONFIGS.values()}
    fitting = [schema for schema in names if names[schema] >= set(saved)]
    if not fitting:
        raise KeyError(f"no task has the options {', '.join(saved)}")
    found = min(fitting, key=lambda schema: len(names[schema]))(saved["name"])
    if isinstance(found, MixConfig):
        found.parts = {name: _task_of(part) for name, part in saved["parts"].items()}
    return found
