"""A GRPO update packed along its trees against one padded row per branch, and a GRPO step against TRL's GRPOTrainer.

``python -m benchmarks.training`` (about five minutes). The lab's tiny model, one thread, float32; the arms take turns,
each repeat gives one ratio, and seconds are the process's own. *Update*: forward and backward of the same loss on the
same trajectories, with old log-probs so far off that some tokens are clipped in some branches; a case's token ratio is
the tokens of all rows over the tokens packed. One row per branch gets rows of like length, 2,048 padded tokens at once,
and no entropies. *Step*: sample, reward, credit, update, 16 problems of 8 trajectories; TRL is given the same model,
texts and options, its own loop (``training_step``) and AdamW, and no logging. Lengths are what was sampled, so a step's
speed is in solution tokens per second. The arms of a step are compared on one batch that TRL sampled: same loss, same
gradient. Without TRL (``pip install -e '.[trl]'``) that part is skipped, and says so.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from benchmarks.ppm_scoring import PATH_BATCH, Grower, Ids, seconds
from benchmarks.report import Row, measured, write_report
from lm.config import OptimiserConfig, Precision, TokenizerKind
from lm.folder import load_policy, save_model
from lm.logprobs import target_batch, target_logprobs
from lm.packing import pack, packed_batches
from lm.rows import TextRow, in_order_batches
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from lm.train import Stepper
from policy.credit.base import Member
from policy.credit.config import CreditConfig
from policy.credit.registry import assign
from policy.engine import Finish, GenerateRequest, Generation, Sampling
from policy.grpo import CreditedGroup, CreditedRow, GrpoLoss
from policy.grpo_config import GrpoConfig
from policy.grpo_loss import TokenBatch, summed, token_terms
from policy.hf_engine import HfEngine

REPEATS = 7
SIZE, CONTEXT = 128, 1024
BATCH_TOKENS = 4096  # packed, at once
TOLERANCE = 1e-5
PROBLEMS, MEMBERS = 16, 8


@dataclass(frozen=True, slots=True)
class Case:
    """Trajectories to update on."""

    name: str
    rows: list[CreditedRow]


def credited(branches: list[Ids], prompt: int, seed: int) -> list[CreditedRow]:
    """Branches with random advantages; the old log-probs lie around what an untrained model says."""
    rng, rows = np.random.default_rng(seed), []
    for ids in branches:
        target = ids[prompt:]
        old = rng.normal(-np.log(100), 1.0, len(target)).tolist()
        rows.append(CreditedRow(TextRow("p", ids[:prompt], target), rng.normal(size=len(target)).tolist(), old=old))
    return rows


def leaves(rows: list[Ids]) -> list[Ids]:
    """The rows of a tree that no other goes on from."""
    inner = {row[:end] for row in rows for end in range(1, len(row))}
    return [row for row in rows if row not in inner]


def samples(problems: int, prompt: int, solution: int, seed: int) -> list[Ids]:
    """Plain GRPO: the members of a group share their prompt alone."""
    grow = Grower(solution, seed)
    prompts = [grow.ids(prompt) for _ in range(problems)]
    return [grow.child(ids) for ids in prompts for _ in range(MEMBERS)]


def trees(count: int, prompt: int, depth: int, keep: int, step: int, seed: int) -> list[Ids]:
    """The leaves of some trees."""
    grow = Grower(step, seed)
    return [leaf for _ in range(count) for leaf in leaves(grow.tree(prompt, depth, keep))]


def cases() -> list[Case]:
    """Groups that share a prompt, short and long, then trees as the lab grows them and with longer steps."""
    return [
        Case("16 groups, prompt 26, solution 36", credited(samples(16, 26, 36, 0), 26, 0)),
        Case("16 groups, prompt 192, solution 32", credited(samples(16, 192, 32, 1), 192, 1)),
        Case("4 lab trees", credited(trees(4, 26, 6, 4, 6, 2), 26, 2)),
        Case("4 wider lab trees", credited(trees(4, 26, 6, 8, 6, 3), 26, 3)),
        Case("2 trees of longer steps", credited(trees(2, 60, 8, 4, 16, 4), 60, 4)),
    ]


def lab_tokenizer() -> PreTrainedTokenizerFast:
    """One token per character."""
    return build_tokenizer(TokenizerKind.CHARACTERS, [], 0)


def lab_policy() -> PreTrainedModel:
    """A policy of the lab's size (128 wide, 2 layers), with the vocabulary that the cases' ids need."""
    config = tiny_config(SIZE, lab_tokenizer(), CONTEXT)
    config.vocab_size = max(config.vocab_size, 256)
    model = new_tiny_model(config, 0)
    model.eval()
    return model


def flat_gradient(model: PreTrainedModel) -> torch.Tensor:
    """All gradients in one vector."""
    return torch.cat([one.grad.flatten() for one in model.parameters() if one.grad is not None])


def packed_update(model: PreTrainedModel, rows: list[CreditedRow]) -> torch.Tensor:
    """As ``policy.grpo`` does it."""
    model.zero_grad()
    loss = GrpoLoss(GrpoConfig(), 1)
    for indices in packed_batches([row.row.prompt_ids + row.row.target_ids for row in rows], BATCH_TOKENS):
        loss(model, [CreditedGroup("p", tuple(rows[index] for index in indices))]).total.backward()
    return flat_gradient(model)


def branch_update(model: PreTrainedModel, rows: list[CreditedRow]) -> torch.Tensor:
    """The same loss from one padded row per branch."""
    model.zero_grad()
    config = GrpoConfig()
    for indices in in_order_batches([row.row.length for row in rows], PATH_BATCH):
        part = [rows[index] for index in indices]
        logprobs_N = target_logprobs(model, *target_batch([row.row for row in part], 0, "cpu"))
        advantages, old = (
            torch.tensor([value for values in table for value in values])
            for table in ([row.advantages for row in part], [row.old or () for row in part])
        )
        lengths_R = torch.tensor([len(row.row.target_ids) for row in part])
        batch = TokenBatch(logprobs_N, advantages, lengths_R, old)
        summed(token_terms(batch, config).loss_N, lengths_R, config.loss_type, 1)[0].backward()
    return flat_gradient(model)


def update_rows(case: Case, model: PreTrainedModel) -> list[Row]:
    """Compare the gradients, which also warms the arms up, then take turns."""
    expected = branch_update(model, case.rows)
    difference = float((packed_update(model, case.rows) - expected).norm() / expected.norm())
    if not difference <= TOLERANCE:
        raise SystemExit(f"{case.name}: the gradients differ by {difference:.1e}: the comparison is void")
    arms = (branch_update, packed_update)
    times = [[seconds(lambda arm=arm: arm(model, case.rows)) for arm in arms] for _ in range(REPEATS)]  # type: ignore[misc]
    ids = [row.row.prompt_ids + row.row.target_ids for row in case.rows]
    ratio = sum(map(len, ids)) / len(pack(ids).ids_N)
    speed_ups = [slow / fast for slow, fast in times]
    return [
        measured(f"update, {case.name}: speed-up", speed_ups),
        measured(f"update, {case.name}: token ratio", [ratio]),
        measured(f"update, {case.name}: speed-up / token ratio", [one / ratio for one in speed_ups], at_least=0.7),
        measured(f"update, {case.name}: packed, ms", [1000 * fast for _, fast in times]),
        measured(f"update, {case.name}: gradients differ by", [difference], at_most=TOLERANCE),
    ]


def reward(completion_ids: list[list[int]], **others: Any) -> list[float]:
    """Cheap, and different within a group."""
    return [float(sum(ids) % 2) for ids in completion_ids]


class OurStep:
    """Sample, reward, credit, update."""

    def __init__(self, folder: Path, tokenizer: PreTrainedTokenizerFast, prompts: list[str], solution: int) -> None:
        self.model = load_policy(folder)
        self._engine = HfEngine(self.model, tokenizer)
        self._prompts = [tuple(tokenizer.encode(text, add_special_tokens=False)) for text in prompts]
        self._sampling = Sampling(max_tokens=solution)
        config = OptimiserConfig(batch_rows=PROBLEMS, micro_rows=PROBLEMS, precision=Precision.FP32)
        self._stepper = Stepper(self.model, config, "benchmark")
        self._loss = GrpoLoss(GrpoConfig(importance_cap=None), solution)
        self._seed = 0

    def __call__(self) -> int:
        """One step; the solution tokens that it sampled."""
        self._engine.forget()
        self._seed += PROBLEMS
        requests = [
            GenerateRequest(ids, MEMBERS, self._sampling, self._seed + i) for i, ids in enumerate(self._prompts)
        ]
        answers = self._engine.generate(requests)
        self._stepper.step(self.groups(answers), self._loss, 1e-5)
        return sum(len(one.token_ids) for group in answers for one in group)

    def groups(self, answers: list[list[Generation]]) -> list[CreditedGroup]:
        """Outcome credit."""
        members = [
            [Member(reward([list(one.token_ids)])[0], (len(one.token_ids),)) for one in group] for group in answers
        ]
        result = []
        credits_of = assign(members, CreditConfig())
        for number, (ids, group, given) in enumerate(zip(self._prompts, answers, credits_of, strict=True)):
            rows = [
                CreditedRow(TextRow(str(number), ids, one.token_ids), advantages.tolist())
                for one, advantages in zip(group, given, strict=True)
            ]
            result.append(CreditedGroup(str(number), tuple(rows)))
        return result


class TrlStep:
    """The same through TRL's own ``training_step``."""

    def __init__(self, trl: Any, folder: Path, tokenizer: Any, prompts: list[str], solution: int) -> None:
        data = importlib.import_module("datasets").Dataset.from_dict({"prompt": prompts})
        options = trl.GRPOConfig(
            str(folder.parent / "trl"), per_device_train_batch_size=PROBLEMS * MEMBERS, num_generations=MEMBERS,
            max_completion_length=solution, temperature=1.0, bf16=False, use_cpu=True, report_to=[],
            gradient_checkpointing=False, learning_rate=1e-5,
        )  # fmt: skip
        self.trainer = trl.GRPOTrainer(load_policy(folder), reward, options, data, processing_class=tokenizer)
        self.trainer.create_optimizer()
        self.trainer.current_gradient_accumulation_steps = 1
        self._inputs = [{"prompt": text} for text in prompts for _ in range(MEMBERS)]

    def __call__(self) -> int:
        """One step; the solution tokens that it sampled."""
        trainer = self.trainer
        trainer.training_step(trainer.model, self._inputs, None)
        torch.nn.utils.clip_grad_norm_(trainer.model.parameters(), 1.0)
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()
        tokens: float = trainer._metrics["train"]["completions/mean_length"][-1] * len(self._inputs)
        return round(tokens)

    def batch(self) -> tuple[list[list[Generation]], float, torch.Tensor]:
        """One batch that TRL sampled, with TRL's loss and gradient on it."""
        trainer = self.trainer
        trainer.model.train()
        inputs = trainer._generate_and_score_completions(self._inputs)
        loss = trainer._compute_loss(trainer.model, inputs)
        trainer.model.zero_grad()
        loss.backward()
        gradient = flat_gradient(trainer.model)
        trainer.model.zero_grad()
        kept = [
            Generation(tuple(ids[mask.bool()].tolist()), (), Finish.END)
            for ids, mask in zip(inputs["completion_ids"], inputs["completion_mask"], strict=True)
        ]
        groups = [kept[start : start + MEMBERS] for start in range(0, len(kept), MEMBERS)]
        return groups, float(loss.detach()), gradient


def step_rows(trl: Any, prompt: int, solution: int, at_least: float) -> list[Row]:
    """TRL's step against ours."""
    name = f"step, prompt {prompt}, solution {solution}"
    rng, tokenizer = np.random.default_rng(prompt), lab_tokenizer()
    prompts = ["".join(map(str, rng.integers(0, 10, prompt))) for _ in range(PROBLEMS)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "policy"
        save_model(new_tiny_model(tiny_config(SIZE, tokenizer, CONTEXT), 0), tokenizer, folder)
        ours, theirs = OurStep(folder, tokenizer, prompts, solution), TrlStep(trl, folder, tokenizer, prompts, solution)
        difference = agreement(ours, theirs, name)
        ours(), theirs()  # warm
        speeds = [(speed(theirs), speed(ours)) for _ in range(REPEATS)]
    ratios = [fast / slow for slow, fast in speeds]
    return [
        measured(f"{name}: ours / TRL, tokens per second", ratios, at_least=at_least),
        measured(f"{name}: TRL, tokens/s", [slow for slow, _ in speeds]),
        measured(f"{name}: ours, tokens/s", [fast for _, fast in speeds]),
        measured(f"{name}: gradients differ by", [difference], at_most=TOLERANCE),
    ]


def speed(step: Callable[[], int]) -> float:
    """Solution tokens per CPU second of one step."""
    started = process_time()
    tokens = step()
    return tokens / (process_time() - started)


def agreement(ours: OurStep, theirs: TrlStep, name: str) -> float:
    """How far the gradients are apart on one batch, relative to their size; stops if they or the losses differ."""
    answers, expected, gradient = theirs.batch()
    loss = GrpoLoss(GrpoConfig(), 1)(ours.model, ours.groups(answers))
    (loss.total / loss.count).backward()
    difference = float((flat_gradient(ours.model) - gradient).norm() / gradient.norm())
    ours.model.zero_grad()
    if not difference <= TOLERANCE or abs(float(loss.total.detach()) / loss.count - expected) > TOLERANCE:
        raise SystemExit(f"{name}: the gradients differ by {difference:.1e}: the comparison is void")
    return difference


def main() -> None:
    """Measure, write, print."""
    torch.set_num_threads(1)
    model = lab_policy()
    rows = [row for case in cases() for row in update_rows(case, model)]
    try:
        trl = importlib.import_module("trl")
    except ModuleNotFoundError as error:
        print(f"skipped: a step against TRL's, because {error.name} is not installed (pip install -e '.[trl]')")
    else:
        rows += step_rows(trl, 26, 36, 1.4) + step_rows(trl, 192, 32, 2.5)
    write_report("training", rows)


if __name__ == "__main__":
    main()
