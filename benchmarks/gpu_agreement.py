"""Do the embedded engine and the trainer compute the same policy on a GPU? Log-probs of sampled tokens, in nats.

The weights are random, with log-probs spread as a trained model's are (``sharp_policy``). The engine samples 8 steps
after each prompt and goes on from the first, so its cache forks and is asked again; the trainer reads whole rows. The
limits are those of the weight sync (``policy.sync``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import numpy as np
import torch
from transformers import Qwen2ForCausalLM

from benchmarks.gpu_bench import Bench, new_tokenizer, sharp_policy
from benchmarks.report import Row, measured
from lm.logprobs import score_rows
from lm.rows import TextRow
from policy.engine import Engine, GenerateRequest, Sampling
from policy.hf_engine import HfEngine
from policy.sync import STOP_NATS, WARN_NATS, logprob_gap

ALIKE_FP32 = 1e-3  # mean: float32 sums in another order, through every layer


def rows(bench: Bench) -> Iterator[Row]:
    """Engine and trainer in one precision, then as a run has them: the engine in bfloat16, the trainer's weights not.

    ``training`` is the trainer's arithmetic, float32 weights under autocast.
    """
    wide = sharp_policy(bench, torch.float32)
    probe, sampled = sample(bench, HfEngine(wide, new_tokenizer(), cache_mb=bench.sized(2048, 64)))
    yield measured("spread of the log-probs (standard deviation), nats", [float(np.std(sampled))])
    yield from gaps("engine fp32, trainer fp32", sampled, trained(wide, probe), ALIKE_FP32)
    narrow = sharp_policy(bench, torch.bfloat16)
    narrow.load_state_dict(wide.state_dict())
    engine = HfEngine(narrow, new_tokenizer(), cache_mb=bench.sized(2048, 64))
    probe, sampled = sample(bench, engine)
    yield from gaps("engine bf16, trainer bf16", sampled, trained(narrow, probe), WARN_NATS)
    yield from gaps("engine bf16, training", sampled, trained(wide, probe, is_autocast=True), WARN_NATS)
    yield from gaps("engine bf16, trainer fp32", sampled, trained(wide, probe), WARN_NATS)
    gap = logprob_gap(engine, wide, bench.shape.vocabulary)
    yield measured("engine bf16, trainer fp32: gap of the weight sync's own probe, nats", [gap], at_most=STOP_NATS)


def sample(bench: Bench, engine: Engine) -> tuple[list[TextRow], list[float]]:
    """Rows that the engine drew, and its log-probs of their targets in the rows' order."""
    trees, width, step, waves, prompt = bench.sized((16, 8, 24, 4, 128), (2, 3, 4, 2, 6))
    paths = np.random.default_rng(4).integers(2, bench.shape.vocabulary, (trees, prompt)).tolist()
    drawn: list[TextRow] = []
    sampled: list[float] = []
    for wave in range(waves):
        requests = [
            GenerateRequest(tuple(path), width, Sampling(max_tokens=step), wave * trees + index)
            for index, path in enumerate(paths)
        ]
        answers = engine.generate(requests)
        for request, answer in zip(requests, answers, strict=True):
            drawn += [TextRow("probe", request.prompt_ids, one.token_ids) for one in answer]
            sampled += [value for one in answer for value in one.logprobs]
        paths = [[*path, *answer[0].token_ids] for path, answer in zip(paths, answers, strict=True)]
    return drawn, sampled


def trained(model: Qwen2ForCausalLM, probe: list[TextRow], is_autocast: bool = False) -> list[float]:
    """The trainer's log-probs of the same tokens."""
    with torch.autocast(model.device.type, torch.bfloat16) if is_autocast else nullcontext():
        return [value for row in score_rows(model, probe, 0) for value in row]


def gaps(name: str, sampled: list[float], expected: list[float], at_most: float) -> Iterator[Row]:
    """Mean, 99th percentile and largest of the differences. ValueError if one is not finite."""
    differences = np.abs(np.array(sampled) - np.array(expected))
    if not np.isfinite(differences).all():
        raise ValueError(f"{name}: a log-prob is not finite")
    yield measured(f"{name}: mean gap, nats", [float(differences.mean())], at_most=at_most)
    yield measured(f"{name}: 99th percentile, nats", [float(np.quantile(differences, 0.99))])
    yield measured(f"{name}: largest, nats", [float(differences.max())])
