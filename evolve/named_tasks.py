"""What ``task=NAME`` stands for: the files of conf/task, each a configuration class with what it changes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import yaml
from omegaconf import OmegaConf

from tasks.config import TaskConfig
from tasks.registry import TASK_CONFIGS

_CONF = Path(__file__).resolve().parent.parent / "conf" / "task"
_SHARED = ("step_format", "sandbox")  # come from the program's options of the same names


def named_tasks() -> dict[str, TaskConfig]:
    """Every task with its configuration as conf/task has it: the classes' own first, in the registry's order."""
    order = list(TASK_CONFIGS)
    names = sorted(
        (path.stem for path in _CONF.glob("*.yaml")),
        key=lambda name: order.index(name) if name in order else len(order),
    )
    return {name: _named(name) for name in names}


def _named(name: str) -> TaskConfig:
    delta: dict[str, Any] = yaml.safe_load((_CONF / f"{name}.yaml").read_text(encoding="utf-8"))
    schema = TASK_CONFIGS[delta.pop("defaults")[0].removesuffix("_schema")]
    own = {option: value for option, value in delta.items() if option not in _SHARED}
    plain = OmegaConf.structured(schema(own.get("name", name)))
    return cast(TaskConfig, OmegaConf.to_object(OmegaConf.merge(plain, own)))
