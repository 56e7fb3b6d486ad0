"""A training of a process model that is watched: judged after each epoch, ended early, taken up after a kill.

The steps are those of ``lm.train.train`` (the same batches, the same rates), and whatever is switched on here changes
none of them: a training that is never judged, never ended early and never killed ends with the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel

from lm.checkpoint import Checkpoint
from lm.config import OptimiserConfig
from lm.distributed import spread
from lm.train import Stepper, StepRecord, learning_rate, plan_batches
from prm.losses.base import PrmLoss
from tasks.errors import UserError

EpochRow = dict[str, Any]
"""What is known after an epoch: ``epoch`` and ``step`` (from 1), ``loss`` (mean of its steps), what was looked at."""


@dataclass(frozen=True)
class Watch:
    """How a training is watched.

    ``validation``: training rows whose loss decides when it ends, with ``patience``: after so many epochs without a
    lower one (0: it goes on to the end, and its last weights are kept). ``look``: figures of the model after an epoch,
    which decide nothing. ``checkpoint`` is saved every ``every`` steps (0: never) and after each epoch.
    """

    patience: int = 0
    validation: Sequence[Any] = ()
    look: Callable[[PreTrainedModel], EpochRow] = lambda model: {}
    checkpoint: Checkpoint | None = None
    every: int = 0
    on_epoch: Callable[[Sequence[EpochRow]], None] = lambda rows: None


@dataclass
class Course:
    """How far a training is. ``losses``: of the steps of this epoch; ``kept``: the best epoch (0: none yet)."""

    last_loss: float = math.inf
    losses: list[float] = field(default_factory=list)
    epochs: list[EpochRow] = field(default_factory=list)
    kept: int = 0
    is_over: bool = False

    def state(self) -> Any:
        """Plain data."""
        loss = self.last_loss if math.isfinite(self.last_loss) else None
        return [loss, list(self.losses), [dict(row) for row in self.epochs], self.kept, self.is_over]

    def restore(self, state: Any) -> None:
        """Go on from there."""
        loss, self.losses, self.epochs, self.kept, self.is_over = state
        self.last_loss = math.inf if loss is None else loss


class BestWeights:
    """A copy of a model's weights, kept on the CPU; empty until ``keep``."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._weights: dict[str, torch.Tensor] = {}

    def keep(self) -> None:
        """Those that the model has now."""
        named = self._model.named_parameters()
        self._weights = {name: parameter.detach().to("cpu", copy=True) for name, parameter in named}

    @torch.no_grad()
    def give_back(self) -> None:
        """Give them to the model."""
        for name, parameter in self._model.named_parameters():
            parameter.copy_(self._weights[name])

    def state(self) -> dict[str, torch.Tensor]:
        """By the parameters' names."""
        return self._weights

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Those of a checkpoint."""
        self._weights = dict(state)


class WatchedTraining:
    """Trains ``model`` in place, which ``course`` and ``steps`` then tell about."""

    def __init__(
        self,
        model: PreTrainedModel,
        lessons: Sequence[Any],
        loss: PrmLoss,
        config: OptimiserConfig,
        seed: int,
        what: str,
        watch: Watch,
    ) -> None:
        if not lessons:
            raise UserError(f"{what}: there is nothing to train on")
        self.course = Course()
        self._model, self._lessons, self._loss, self._config = model, lessons, loss, config
        self._what, self._watch = what, watch
        self._batches = plan_batches([row.length for row in lessons], config, seed)
        self._per_epoch = math.ceil(len(lessons) / config.batch_rows)
        self._stepper = Stepper(model, config, what)
        self._best = BestWeights(model)

    @property
    def steps(self) -> int:
        """Optimiser steps that were taken."""
        return self._stepper.steps

    def run(self, on_step: Callable[[StepRecord, int], None] = lambda record, steps: None) -> None:
        """To the end; ``on_step`` hears each step and the number of steps. Leaves the model in eval mode.

        UserError for a loss that is not finite. DataError for a checkpoint that cannot be read.
        """
        checkpoint = self._watch.checkpoint
        if checkpoint is not None:
            checkpoint.add("course", self.course)
            checkpoint.add_tensors("model", self._stepper)
            checkpoint.add_tensors("best", self._best)
            checkpoint.take_up()
        while self.steps < len(self._batches) and not self.course.is_over:
            self._step(on_step)
            ends_epoch = self.steps % self._per_epoch == 0 or self.steps == len(self._batches)
            if ends_epoch:
                self._end_epoch()
            if checkpoint is not None and (ends_epoch or self._is_due()):
                checkpoint.save()
        if self.course.kept:
            self._best.give_back()

    def _is_due(self) -> bool:
        return self._watch.every > 0 and self.steps % self._watch.every == 0

    def _step(self, on_step: Callable[[StepRecord, int], None]) -> None:
        number, total = self.steps, len(self._batches)
        rows = [self._lessons[index] for index in self._batches[number]]
        record = self._stepper.step(rows, self._loss, learning_rate(number, total, self._config))
        self.course.losses.append(record.loss)
        self.course.last_loss = record.loss
        on_step(record, total)

    def _end_epoch(self) -> None:
        """Judge, and see whether it is still getting better."""
        course = self.course
        row: EpochRow = {"epoch": len(course.epochs) + 1, "step": self.steps}
        row["loss"] = round(sum(course.losses) / len(course.losses), 6)
        course.losses = []
        if self._watch.validation:
            found = mean_loss(self._model, self._watch.validation, self._loss, self._config.micro_rows)
            if not math.isfinite(found):
                raise UserError(f"{self._what}: the validation loss is {found}; lower the learning rate")
            row["validation_loss"] = round(found, 6)
        course.epochs.append(row | self._watch.look(self._model))
        if self._watch.patience:
            best = min(each["validation_loss"] for each in course.epochs)
            first = next(each["epoch"] for each in course.epochs if each["validation_loss"] == best)
            if first == row["epoch"]:
                course.kept = first
                self._best.keep()
            course.is_over = row["epoch"] - first >= self._watch.patience
        self._watch.on_epoch(course.epochs)


@torch.no_grad()
def mean_loss(model: PreTrainedModel, rows: Sequence[Any], loss: PrmLoss, at_once: int) -> float:
    """The loss per unit (as an optimiser step has it) of rows, ``at_once`` at a time, without a gradient."""
    parts = [list(rows[start : start + at_once]) for start in range(0, len(rows), at_once)]
    sums = spread(parts, lambda some: [(float(each.total), each.count) for each in (loss(model, p) for p in some)])
    return sum(total for total, _ in sums) / max(sum(count for _, count in sums), 1e-12)
