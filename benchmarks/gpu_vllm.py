"""vLLM, where it is installed: start, whole solutions, searches with prefix caching, and a change of weights.

One engine in this process, as ``engine=vllm`` has it. Rows may end early, for the head has no bias here: the tokens
counted are those drawn. The hit rate is of prompt tokens: kept / (kept + read).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from transformers import PreTrainedModel

from benchmarks.gpu_bench import Bench, new_tokenizer, seconds, sharp_policy, take_turns
from benchmarks.gpu_engine import Case, through_engine, walk
from benchmarks.report import Row, measured
from lm.folder import save_model
from lm.vllm_start import VllmSettings
from lm.vllm_version import installed_vllm, refuse_vllm
from policy.stops import end_tokens
from policy.sync import STOP_NATS, WARN_NATS, logprob_gap
from policy.vllm_engine import VllmEngine


def cases(bench: Bench) -> list[Case]:
    """The embedded engine's, and more rows."""
    if bench.sized(False, True):
        return [Case("solutions, 4 rows", 4, 1, 6, 1, 40), Case("search, 2 trees of width 3", 2, 3, 4, 2, 40)]
    return [
        Case("solutions, 256 rows", 256, 1, 64, 1),
        Case("search, 32 trees of width 8 (256 rows)", 32, 8, 16, 4),
        Case("search, 128 trees of width 8 (1024 rows)", 128, 8, 16, 4),
        Case("solutions, 1024 rows", 1024, 1, 64, 1),
    ]


def rows(bench: Bench) -> Iterator[Row]:
    """UserError without vLLM, and for a version that the engine was not written for."""
    refuse_vllm(installed_vllm())
    model = sharp_policy(bench, torch.bfloat16)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy"
        save_model(model, new_tokenizer(), path)
        started = perf_counter()
        settings = VllmSettings(
            path, bench.device, "bfloat16", rows=1024, cache_mb=bench.sized(16384, 64), timeout_s=300
        )
        engine = VllmEngine(settings, end_tokens(model, new_tokenizer()))
        yield measured("start, seconds", [perf_counter() - started])
        try:
            yield from _speeds(bench, engine)
            yield from _sync(bench, engine, model, Path(folder) / "next")
        finally:
            engine.close()


def _speeds(bench: Bench, engine: VllmEngine) -> Iterator[Row]:
    for case in cases(bench):
        if not bench.has_time():
            return
        drawn: list[int] = []
        run = partial(_run, bench, engine, case, drawn)
        run()
        turns = take_turns(bench, [run])
        speeds = [count / turn[0] for count, turn in zip(drawn[1:], turns, strict=True)]
        asked = engine.counts
        yield measured(f"{case.name}: tokens/s", speeds)
        yield measured(f"{case.name}: hit rate", [asked.cached / (asked.cached + asked.prefilled)])
        yield measured(f"{case.name}: prompt tokens read per drawn token", [asked.prefilled / asked.generated])


def _run(bench: Bench, engine: VllmEngine, case: Case, drawn: list[int]) -> None:
    engine.forget()
    drawn.append(walk(case, bench.shape.vocabulary, through_engine(engine, case)))


def _sync(bench: Bench, engine: VllmEngine, model: PreTrainedModel, folder: Path) -> Iterator[Row]:
    """The gap with the weights of the start, the stale gap with others in the trainer, and that after the change."""
    vocabulary = bench.shape.vocabulary
    yield measured("log-prob gap at the start, nats", [logprob_gap(engine, model, vocabulary)], at_most=WARN_NATS)
    other = sharp_policy(bench, torch.bfloat16, seed=1)
    save_model(other, new_tokenizer(), folder)
    stale = logprob_gap(engine, other, vocabulary)
    yield measured("log-prob gap before the change of weights, nats", [stale], at_least=STOP_NATS)
    yield measured("change of weights, seconds", [seconds(partial(engine.load_weights, folder), bench.device)])
    yield measured("log-prob gap after it, nats", [logprob_gap(engine, other, vocabulary)], at_most=WARN_NATS)
