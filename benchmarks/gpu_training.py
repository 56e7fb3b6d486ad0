"""Training steps of ``lm.train`` on float32 weights in bfloat16 arithmetic: the policy's (SFT) and the PPM's.

The PPM's nodes come packed, as ``prm.train.node_loss`` reads them, and as one padded row per path, which is what it
does with a model that ``lm.tree_attention.can_pack`` refuses. The learning rate is 0, so every step does the same
work on the same weights, and both must end with the same loss. A step's seconds are those of the second step: the
first makes the optimiser's moments. Model operations: 6 a token and weight of the layers, and of the head where it is
used; attention is left out, so the share of the machine's rate is a little too low.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import isclose
from time import monotonic, perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from transformers import PreTrainedModel, Qwen2ForCausalLM, Qwen2ForSequenceClassification

from benchmarks.gpu_bench import Bench, matrix_product_rate, peak_gib, random_model
from benchmarks.ppm_scoring import Grower
from benchmarks.report import Row, measured
from lm.config import OptimiserConfig, Precision
from lm.packing import pack
from lm.rows import TextRow
from lm.train import StepRecord, train
from policy.sft import sft_loss
from prm.train import NodePairs, node_loss

SAME_LOSS = 0.02  # relative, in bfloat16
PAIRS = ((0, 2), (0, 3), (1, 2), (1, 3))  # two chosen times two rejected of four siblings


@dataclass(slots=True)
class Arm:
    """A step to be timed, and what was seen: ``computed`` are the tokens that its layers work on."""

    name: str
    model: PreTrainedModel
    rows: Sequence[Any]
    loss: Callable[..., Any]
    micro_rows: int
    tokens: int
    computed: int
    head_tokens: int = 0
    around: Callable[[], AbstractContextManager[Any]] = nullcontext
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    peak: float | None = None

    @property
    def operations(self) -> float:
        """Of a forward and a backward pass."""
        embeddings = self.model.get_input_embeddings()
        assert isinstance(embeddings, torch.nn.Embedding)
        head = embeddings.weight.numel()  # tied to them
        layers = sum(one.numel() for one in self.model.parameters()) - head
        return 6.0 * (layers * self.computed + head * self.head_tokens)


def rows(bench: Bench) -> Iterator[Row]:
    """The two models one after the other: both at once might not fit."""
    ceiling = max(matrix_product_rate(bench, torch.bfloat16))
    policy = random_model(Qwen2ForCausalLM, bench, torch.float32)
    sft = sft_arm(bench, policy)
    turns_of(replace(bench, ends_at=(monotonic() + bench.ends_at) / 2), [sft])
    yield from arm_rows(sft, ceiling)
    sft.model = policy = None  # type: ignore[assignment]
    ppm = random_model(Qwen2ForSequenceClassification, bench, torch.float32)
    for name, nodes in node_cases(bench):
        arms = ppm_arms(bench, ppm, name, nodes)
        turns_of(bench, arms)
        yield from compared(arms, ceiling)


def sft_arm(bench: Bench, policy: PreTrainedModel) -> Arm:
    """Solutions of 256 to 512 tokens after prompts of 128; 32 rows a step."""
    rng = np.random.default_rng(0)
    least, most, prompt, count = bench.sized((256, 512, 128, 32), (8, 16, 4, 4))
    rows = [
        TextRow("random", *(tuple(rng.integers(2, bench.shape.vocabulary, size).tolist()) for size in (prompt, target)))
        for target in rng.integers(least, most + 1, count)
    ]
    tokens, targets = sum(row.length for row in rows), sum(len(row.target_ids) for row in rows)
    return Arm(f"SFT of {count} rows", policy, rows, sft_loss, bench.sized(8, 2), tokens, tokens, targets)


def node_cases(bench: Bench) -> list[tuple[str, list[NodePairs]]]:
    """All nodes of one tree, and nodes of a tree each, which share nothing but with their siblings."""
    step, prompt, depth, keep, count = bench.sized((48, 150, 8, 8, 32), (4, 8, 3, 3, 3))
    grower = Grower(step, 3)
    tree = nodes_of(grower.tree(prompt, depth, keep))
    apart = [nodes_of(grower.tree(prompt, 1 + index % depth, 1))[-1] for index in range(count)]
    return [(f"{len(tree)} nodes of one tree", tree), (f"{count} nodes of as many trees", apart)]


def nodes_of(rows: list[tuple[int, ...]]) -> list[NodePairs]:
    """The rows of a grown tree, four siblings after each other, as nodes with their pairs."""
    return [NodePairs("random", tuple(rows[start : start + 4]), PAIRS) for start in range(0, len(rows), 4)]


def ppm_arms(bench: Bench, model: PreTrainedModel, name: str, nodes: list[NodePairs]) -> list[Arm]:
    """One padded row per path, some nodes at a time, and packed, all at once."""
    rows = [row for node in nodes for row in node.rows]
    tokens, packed = sum(map(len, rows)), len(pack(rows).ids_N)
    micro = bench.sized(8, 2)

    def unpacked() -> AbstractContextManager[Any]:
        return patch("lm.tree_attention.can_pack", return_value=False)

    return [
        Arm(f"PPM, {name}, one row per path", model, nodes, node_loss, micro, tokens, tokens, around=unpacked),
        Arm(f"PPM, {name}, packed", model, nodes, node_loss, len(nodes), tokens, packed),
    ]


def turns_of(bench: Bench, arms: Sequence[Arm], most: int = 5) -> None:
    """Two steps of each arm in turn: ``most`` times, or as often as there is time for, but once."""
    turns, spent = 0, 0.0
    while turns < bench.sized(most, 2) and (not turns or bench.has_time(spent)):
        started = perf_counter()
        for arm in arms:
            _two_steps(bench, arm)
        turns, spent = turns + 1, perf_counter() - started


def _two_steps(bench: Bench, arm: Arm) -> None:
    config = OptimiserConfig(
        learning_rate=0, epochs=2, batch_rows=len(arm.rows), micro_rows=arm.micro_rows, precision=Precision.BF16
    )
    ends: list[float] = []

    def on_step(record: StepRecord, steps: int) -> None:
        if bench.device != "cpu":
            torch.cuda.synchronize()
        ends.append(perf_counter())

    peak_gib(bench)
    with arm.around():
        records = train(arm.model, arm.rows, arm.loss, config, 0, arm.name, on_step)
    arm.peak = peak_gib(bench)
    arm.losses += [record.loss for record in records]
    arm.seconds.append(ends[1] - ends[0])


def arm_rows(arm: Arm, ceiling: float) -> Iterator[Row]:
    """Speed, memory, and the share of the rate that matrix products reached in this process."""
    yield measured(f"{arm.name}: tokens of rows/s", [arm.tokens / one for one in arm.seconds])
    rates = [arm.operations / one for one in arm.seconds]
    yield measured(f"{arm.name}: model TFLOP/s", [rate / 1e12 for rate in rates])
    yield measured(f"{arm.name}: share of the matrix-product rate", [rate / ceiling for rate in rates])
    if arm.peak is not None:
        yield measured(f"{arm.name}: peak GiB", [arm.peak])


def compared(arms: Sequence[Arm], ceiling: float) -> Iterator[Row]:
    """What packing gains; ValueError if the two losses differ by more than rounding."""
    by_path, packed = arms
    for one, other in zip(by_path.losses, packed.losses, strict=True):
        if not isclose(one, other, rel_tol=SAME_LOSS):
            raise ValueError(f"{packed.name}: loss {other:.4g} against {one:.4g}: the comparison is void")
    ratio = packed.tokens / packed.computed
    speed_ups = [slow / fast for slow, fast in zip(by_path.seconds, packed.seconds, strict=True)]
    yield measured(f"{packed.name}: speed-up", speed_ups)
    yield measured(f"{packed.name}: token ratio", [ratio])
    yield measured(f"{packed.name}: speed-up / token ratio", [one / ratio for one in speed_ups], at_least=0.7)
    for arm in arms:
        yield from arm_rows(arm, ceiling)
