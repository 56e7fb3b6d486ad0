"""The job that trains a round's process model on labels of its trees, with any loss that gives a score a step."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from evolve.config import PpmConfig
from evolve.kept_engine import make_room
from evolve.models import device_of
from evolve.stages import StageResult
from evolve.training import judgement, metrics_row
from lm.folder import load_tokenizer
from lm.train import StepRecord
from policy.config import EngineConfig, PolicyConfig
from policy.proposer import PromptEncoder
from prm.accuracy import pair_accuracy
from prm.losses.config import LossSettings
from prm.model import load_ppm
from prm.pair_file import read_pairs
from prm.train_steps import StepTraining, train_on_labels
from tasks.readers.formats import read_labelled
from tasks.seeding import derive_seed


def train_value(
    report: Callable[..., None],
    labels_path: Path,
    held_out_path: Path,
    base: Path,
    policy: PolicyConfig,
    engine: EngineConfig,
    ppm: PpmConfig,
    seed: int,
    what: str,
    out: Path,
) -> StageResult:
    """Train on a round's ``labels.jsonl``; judge the model on held-out pairs, as one that learned pairs is judged."""
    solutions, device = list(read_labelled(labels_path, "own")), device_of(engine)
    make_room(device)
    # An end counts as right if its value lies above 0, whatever partial credit a verifier gives.
    loss = LossSettings(ppm.loss, threshold=0.0, min_margin=ppm.pairs.min_margin, per_side=ppm.pairs.per_side)
    asked = StepTraining(
        loss,
        base,
        out,
        ppm.optimiser,
        held_out=0.0,  # whole problems are held out: those of the held-out trees
        step_end=policy.steps.step_end,
        seed=derive_seed(seed, what),
        device=device,
    )
    metrics = []

    def on_step(record: StepRecord, steps: int) -> None:
        report(record.step, steps, loss=record.loss)
        metrics.append(metrics_row(record))

    train_on_labels(solutions, asked, partial(PromptEncoder, policy.prompt), {"data": labels_path.name}, on_step)
    encode, held_out = PromptEncoder(policy.prompt, load_tokenizer(out)), read_pairs(held_out_path)
    judged = pair_accuracy(load_ppm(out, device), held_out, encode) if held_out else None
    tokens = sum(len(encode(one.prompt)) + sum(map(len, one.token_ids)) for one in solutions)
    result = {"trained_tokens": round(tokens * ppm.optimiser.epochs), "labels": len(solutions), **judgement(judged)}
    return StageResult(result, metrics)
