"""The one optimiser loop. Trainings differ in their rows and their loss, never in how a step is taken.

With several ranks (``lm.distributed``) each computes some of a step's micro-batches. Sums and counts are added up over
all of them before the mean is taken, so the step is the one that a single process would take.
Not done here: what the loss is (the caller's), sharding and adapters (``lm.working_copy``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import torch
from transformers import PreTrainedModel

from lm.config import OptimiserConfig, Precision
from lm.distributed import gathered, rank, ranks
from lm.rows import shuffled_batches
from lm.working_copy import Work, WorkingCopy, whole
from tasks.errors import UserError
from tasks.seeding import derive_seed


class TrainingRow(Protocol):
    """What the loop must know of a row: how long it is, and whose it is when something goes wrong."""

    @property
    def length(self) -> int: ...
    @property
    def problem_id(self) -> str: ...


R = TypeVar("R", bound=TrainingRow)
_MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's, per parameter
_PLACES = 1000  # at which the schedule of a training without counted steps is read


@dataclass(frozen=True, slots=True)
class LossSum(Generic[R]):
    """A loss summed over ``count`` units (tokens, pairs); the step divides by the batch's total count."""

    total: torch.Tensor
    count: float


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One optimiser step: mean loss per unit, gradient norm before clipping, learning rate, units."""

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    count: float


def learning_rate(step: int, steps: int, config: OptimiserConfig) -> float:
    """Linear warm-up, then a cosine down to ``final_lr`` of the peak. ``step`` counts from 0."""
    warm = max(1, round(config.warmup * steps))
    if step < warm:
        return config.learning_rate * (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return config.learning_rate * (config.final_lr + (1 - config.final_lr) * 0.5 * (1 + math.cos(math.pi * progress)))


def rate_at(progress: float, config: OptimiserConfig) -> float:
    """The same schedule for a training whose length is not counted in steps; ``progress``: share that is over."""
    return learning_rate(round(progress * _PLACES), _PLACES, config)


def plan_batches(lengths: Sequence[int], config: OptimiserConfig, seed: int) -> list[list[int]]:
    """Every batch of the training, epoch after epoch; the last epoch may be a part of one."""
    per_epoch = math.ceil(len(lengths) / config.batch_rows)
    steps = max(1, round(config.epochs * per_epoch))
    batches: list[list[int]] = []
    while len(batches) < steps:
        batches += shuffled_batches(lengths, config.batch_rows, derive_seed(seed, "epoch", len(batches) // per_epoch))
    return batches[:steps]


def train(
    model: PreTrainedModel,
    rows: Sequence[R],
    loss: Callable[[PreTrainedModel, list[R]], LossSum[R]],
    config: OptimiserConfig,
    seed: int,
    what: str,
    on_step: Callable[[StepRecord, int], None] = lambda record, steps: None,
) -> list[StepRecord]:
    """Train ``model`` in place; ``on_step`` hears each step and the number of steps. Leaves the model in eval mode.

    A loss or gradient that is not finite stops the run with a UserError naming ``what``, the step and the problems.
    """
    if not rows:
        raise UserError(f"{what}: there is nothing to train on")
    batches = plan_batches([row.length for row in rows], config, seed)
    stepper = Stepper(model, config, what)
    records = []
    for number, batch in enumerate(batches):
        rate = learning_rate(number, len(batches), config)
        records.append(stepper.step([rows[index] for index in batch], loss, rate))
        on_step(records[-1], len(batches))
    return records


class Stepper:
    """Optimiser steps on one model, in place; the optimiser's state lasts from step to step.

    For trainings that learn how long they are only as they go; ``train`` is one whose steps are known beforehand.
    """

    def __init__(self, model: PreTrainedModel, config: OptimiserConfig, what: str) -> None:
        torch.set_num_threads(config.threads)
        self.steps = 0
        self._model = model
        self._config = config
        self._what = what
        self._copy = WorkingCopy(model, config.lora)
        self._optimiser = _optimiser(list(self._copy.parameters.values()), config)

    def step(
        self, rows: list[R], loss: Callable[[PreTrainedModel, list[R]], LossSum[R]], learning_rate: float
    ) -> StepRecord:
        """One step on all of ``rows``. Leaves the model in eval mode.

        A loss or gradient that is not finite is a UserError naming the training, the step and the problems.
        """
        self.steps += 1
        where = f"{self._what}, step {self.steps}"
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate
        with self._copy.training(self._config.gradient_checkpointing):
            mean, count = _accumulate(self._copy, rows, loss, self._config, where)
        norm = float(whole(torch.nn.utils.clip_grad_norm_(self._copy.parameters.values(), self._config.clip)))
        _stop_unless_finite(norm, "gradient norm", rows, where)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self._copy.publish()
        return StepRecord(self.steps, mean, norm, learning_rate, count)

    def state(self) -> dict[str, torch.Tensor]:
        """What is trained, and the optimiser's state, by name: whole tensors. On all ranks together."""
        found = {"steps": torch.tensor(self.steps)}
        for name, parameter in self._copy.parameters.items():
            found[f"weight/{name}"] = whole(parameter.detach())
            for moment, value in self._optimiser.state[parameter].items():
                found[f"{moment}/{name}"] = whole(value)
        return found

    @torch.no_grad()
    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what ``state`` said of a stepper on the same model and config, with any number of ranks."""
        self.steps = int(state["steps"])
        for name, parameter in self._copy.parameters.items():
            parameter.copy_(self._copy.sharded(state[f"weight/{name}"], parameter))
            if self.steps:
                moments = {each: self._copy.sharded(state[f"{each}/{name}"], parameter) for each in _MOMENTS}
                self._optimiser.state[parameter] = {"step": state[f"step/{name}"].clone(), **moments}
        self._copy.publish()


def _accumulate(
    copy: WorkingCopy,
    rows: list[R],
    loss: Callable[[PreTrainedModel, list[R]], LossSum[R]],
    config: OptimiserConfig,
    where: str,
) -> tuple[float, float]:
    """Leave the gradient of the mean loss of ``rows`` in the copy; return that mean and the count."""
    parts = _micro_batches(rows, config)
    mine: list[tuple[int, float, float]] = []
    for index in range(rank(), math.ceil(len(parts) / ranks()) * ranks(), ranks()):
        if index < len(parts):
            total, count = copy.loss(_work(loss, parts[index], config))
            mine.append((index, float(total.detach()), count))
        else:
            total, count = copy.idle()
        total.backward()
    sums = sorted(each for found in gathered(mine) for each in found)
    for index, value, _ in sums:
        _stop_unless_finite(value, "loss", parts[index], where)
    units = sum(each for _, _, each in sums)
    for parameter in copy.parameters.values():
        if parameter.grad is not None:
            parameter.grad /= max(units, 1e-12) / ranks()  # sharding gives the mean over the ranks
    return sum(value for _, value, _ in sums) / max(units, 1e-12), units


def _micro_batches(rows: list[R], config: OptimiserConfig) -> list[list[R]]:
    """``micro_rows`` at a time, or fewer where some rank would have nothing to do."""
    size = min(config.micro_rows, math.ceil(len(rows) / ranks()))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _work(loss: Callable[[PreTrainedModel, list[R]], LossSum[R]], part: list[R], config: OptimiserConfig) -> Work:
    def work(model: PreTrainedModel) -> tuple[torch.Tensor, float]:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=_bf16(model, config)):
            result = loss(model, part)
        return result.total, result.count

    return work


def _stop_unless_finite(value: float, name: str, rows: Sequence[TrainingRow], where: str) -> None:
    if not math.isfinite(value):
        ids = ", ".join(sorted({row.problem_id for row in rows})[:3])
        raise UserError(f"{where}: the {name} is {value} (problems {ids} ...); lower the learning rate or look there")


def _optimiser(trained: Sequence[torch.nn.Parameter], config: OptimiserConfig) -> torch.optim.AdamW:
    """AdamW; matrices decay, vectors (norms, biases) do not."""
    groups = [
        {"params": [p for p in trained if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.95), fused=True)


def _bf16(model: PreTrainedModel, config: OptimiserConfig) -> bool:
    if config.precision is not Precision.AUTO:
        return config.precision is Precision.BF16
    return model.device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())
