"""The judgement on held-out solutions while a process model is trained, and when it is done."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel

from lm.folder import load_policy
from prm.generative.training import WrittenJudgement
from prm.held_out import judge_ends, judge_steps
from prm.losses.config import LossName, LossSettings
from prm.step_rows import StepRow
from prm.step_values import Values, head_values, log_ratio_values
from prm.train_watched import EpochRow


class HeldOutJudgement:
    """What the model that is trained makes of held-out solutions, whatever its kind."""

    def __init__(
        self, loss: LossSettings, base: Path, device: str, rows: list[StepRow], written: WrittenJudgement
    ) -> None:
        self._loss, self._rows, self._written = loss, rows, written
        self._reference = load_policy(base, device) if loss.name is LossName.IMPLICIT and rows else None

    def __call__(self, model: PreTrainedModel) -> dict[str, Any]:
        """Of steps, and of whole solutions (``ends``)."""
        values, rows = self._values(model), self._rows
        if values is None:
            values, rows = [], []
        found = {"steps": judge_steps(values, rows), "ends": judge_ends(values, rows)}
        return {
            name: {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(one).items()}
            for name, one in found.items()
        }

    def after_epoch(self, model: PreTrainedModel) -> EpochRow:
        """The same for metrics.jsonl, what is known of it; nothing of a model that would have to write for it."""
        if not self._rows or self._loss.name is LossName.GENERATIVE:
            return {}
        return {
            f"held_out/{name}/{key}": value
            for name, one in self(model).items()
            for key, value in one.items()
            if value is not None
        }

    def _values(self, model: PreTrainedModel) -> Values | None:
        if not self._rows:
            return []
        if self._loss.name is LossName.GENERATIVE:
            return self._written.values(model, self._rows)
        if self._reference is None:
            return head_values(model, self._rows)
        return log_ratio_values(model, self._reference, self._rows, self._loss.beta)
