"""What ``test_many_ranks`` does on every rank, and alone: trainings, and a comparison of several arms."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from compare.budget import Budget
from compare.config import JudgingConfig
from evolve.ranks import follow, is_follower
from evolve.train_prm_config import TrainPrmConfig
from evolve.train_prm_run import engine_of, train_prm
from lm.config import LoraConfig, OptimiserConfig, Precision, TokenizerKind
from lm.distributed import join, leave, rank, ranks, spread
from lm.rows import TextRow
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from lm.train import Stepper
from policy.sft import sft_loss
from tasks.errors import UserError
from tests.compare.tiny_compare import run_comparison, tiny_comparison

ARMS = ("sft_more", "grpo_outcome", "grpo_ppm", "step_delta", "implicit")
STEADY = {"learning_rate": 2e-3, "warmup": 0.0, "final_lr": 1.0, "micro_rows": 2, "precision": Precision.FP32}
PLAIN = OptimiserConfig(batch_rows=5, **STEADY)
TRAININGS = {
    "plain": PLAIN,
    "checkpointed": replace(PLAIN, gradient_checkpointing=True),
    "bf16": replace(PLAIN, precision=Precision.BF16),
    "lora": replace(PLAIN, lora=LoraConfig(rank=2)),
}
ROWS = [TextRow(f"p{n}", (n + 3, n + 50), tuple(range(n, 2 * n + 1))) for n in range(1, 6)]


def tiny_model():
    tokenizer = build_tokenizer(TokenizerKind.BPE, ["add 12 to 34, then take 5 from that\n#### 41\n"] * 8, 300)
    config = tiny_config(32, tokenizer, 64)
    config.initializer_range = 0.2
    return new_tiny_model(config, 5).eval()


def steps(name: str, count: int = 4, state=None):
    """Losses and gradient norms of steps from the tiny model, the model, and the stepper's state at the end.

    The batches have 5 rows or 1: micro-batches do not come out even, and of one row a rank has nothing.
    """
    model = tiny_model()
    stepper = Stepper(model, TRAININGS[name], "test")
    if state is not None:
        stepper.restore(state)
    seen = []
    for number in range(stepper.steps, count):
        record = stepper.step(ROWS if number % 2 == 0 else ROWS[:1], sft_loss, 2e-3)
        seen.append([record.loss, record.gradient_norm])
    return seen, model, stepper.state()


def trainings(folder: Path, names) -> None:
    found = {}
    for name in names:
        found[name], model, state = steps(name)
        half = steps(name, 2)[2]
        goes_on, again, _ = steps(name, 4, half)
        same = all(torch.equal(*pair) for pair in zip(model.parameters(), again.parameters(), strict=True))
        found[f"{name} resumed"] = goes_on == found[name][2:] and same
        if not rank():
            save_file(state, folder / f"{name}.safetensors")
            save_file({key: value.clone() for key, value in model.state_dict().items()}, folder / f"{name}-model.st")
    found["spread"] = spread(range(5), lambda some: [10 * each for each in some])
    try:
        spread(range(4), _refuse)
    except UserError as error:
        found["error"] = str(error)
    (folder / f"trainings-{rank()}-of-{ranks()}.json").write_text(json.dumps(found))


def _refuse(some):
    if 3 in some:
        raise UserError("not the last one")
    return list(some)


def comparison(*arms: str):
    config = tiny_comparison(*arms, budget=Budget(tokens=5500), judging=JudgingConfig(problems=6, points=1, best_of=0))
    rl = replace(config.rl, optimiser=OptimiserConfig(batch_rows=48, epochs=1.0, **STEADY))
    steady = OptimiserConfig(batch_rows=16, epochs=1.0, **STEADY)
    implicit = replace(config.implicit, optimiser=steady)
    return replace(config, rl=rl, tuning=steady, implicit=implicit, ppm=replace(config.ppm, optimiser=steady))


def process_model(folder: Path, out: str) -> TrainPrmConfig:
    """A process model from the labels and the policy in ``folder``, with an early end and checkpoints."""
    optimiser = OptimiserConfig(batch_rows=8, epochs=3.0, **STEADY)
    return TrainPrmConfig(
        data=str(folder / "labels.jsonl"), base=str(folder / "policy"), out=str(folder / out), held_out=0.25,
        patience=2, validation=0.3, optimiser=optimiser, device="cpu", workers=0, progress=False,
    )  # fmt: skip


def main(folder: Path, names) -> None:
    join("cpu")
    trainings(folder, names)
    for name, arms in (("two", ARMS), ("again", ("grpo_outcome",))):
        if is_follower():
            follow(comparison(*arms).engine)
        else:
            run_comparison(folder / name, comparison(*arms))
    wanted = process_model(folder, "prm-two")
    if is_follower():
        follow(engine_of(wanted))
    else:
        train_prm(wanted)
    leave()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]), sys.argv[2:])
