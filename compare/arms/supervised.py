"""Training on what is at hand until the budget is spent: what several recipes end in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from transformers import PreTrainedModel

from compare.arms.course import Course
from lm.config import OptimiserConfig
from lm.rows import TextRow
from lm.train import LossSum, R, Stepper, plan_batches, rate_at
from policy.sft import sft_loss
from tasks.errors import UserError
from tasks.seeding import derive_seed


def spend_on_texts(course: Course, rows: Sequence[TextRow], what: str) -> None:
    """Fine-tune on the rows, epoch after epoch, for as long as the budget lasts. ``what`` names one of them."""
    spend_on(course, rows, sft_loss, lambda batch: sum(row.length for row in batch), what)


def spend_on(
    course: Course,
    rows: Sequence[R],
    loss: Callable[[PreTrainedModel, list[R]], LossSum[R]],
    tokens: Callable[[list[R]], int],
    what: str,
) -> None:
    """Train on the rows with any loss; ``tokens``: how many a batch computes."""
    if not rows:
        raise UserError(f"arm {course.work.name}: there is no {what} to train on; give the arm more to find some")
    config = course.config.tuning
    if course.arm.learning_rate is not None:
        config = replace(config, learning_rate=course.arm.learning_rate)
    stepper = Stepper(course.policy.model, config, f"arm {course.work.name}")
    batches = _endless([row.length for row in rows], replace(config, epochs=1.0), course.seed)
    course.checkpoint.add_tensors("policy", stepper)
    if not course.take_up():
        course.train_from_here()
    for _ in range(course.updates):
        next(batches)
    while course.goes_on():
        batch = [rows[index] for index in next(batches)]
        with course.phase("training"):
            record = stepper.step(batch, loss, rate_at(course.progress, config))
        course.policy.changed()
        course.ledger.add("training", trained=tokens(batch))
        course.record(loss=record.loss, grad_norm=record.gradient_norm, learning_rate=record.learning_rate)
    course.extra |= {"rows": len(rows), "epochs": round(course.updates * config.batch_rows / len(rows), 3)}


def _endless(lengths: Sequence[int], config: OptimiserConfig, seed: int) -> Iterator[list[int]]:
    epoch = 0
    while True:
        yield from plan_batches(lengths, config, derive_seed(seed, "epoch", epoch))
        epoch += 1
