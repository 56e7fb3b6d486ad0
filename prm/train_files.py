"""What a training leaves while it is under way: its checkpoint, and ``metrics.jsonl`` with a line an epoch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm.checkpoint import Checkpoint
from lm.distributed import rank
from prm.train_watched import EpochRow
from tasks.durable import write_text_atomic

METRICS = "metrics.jsonl"
_STAGE = "train_prm"  # every line of a metrics.jsonl says what it belongs to


class TrainingFiles:
    """In ``folder``, which is there only while the training is under way. None: nothing is written.

    ``about``: all that the training's result depends on; a checkpoint of something else is not taken up.
    """

    def __init__(self, folder: Path | None, about: dict[str, Any]) -> None:
        self._folder = folder
        plain = json.loads(json.dumps(about, default=str))
        self.checkpoint = None if folder is None else Checkpoint(folder / "checkpoint", plain)

    def write(self, rows: Sequence[EpochRow]) -> None:
        """What is known after the epochs so far."""
        if self._folder is not None and not rank():
            write_text_atomic(self._folder / METRICS, metrics_text(rows))

    def remove(self) -> None:
        """The training is done, and its folder written."""
        if self._folder is not None and not rank():
            shutil.rmtree(self._folder, ignore_errors=True)


def metrics_text(rows: Sequence[EpochRow]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps({"stage": _STAGE, **row}, allow_nan=False) + "\n" for row in rows)


def weights_of(folder: Path) -> list[list[Any]]:
    """Which weights a folder holds: names, sizes and times of their files, for hashing them all would take minutes."""
    files = sorted(folder.glob("*.safetensors"))
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]
