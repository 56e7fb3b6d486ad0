"""The embedded engine against transformers' plain ``generate``: whole solutions, and searches that go on from a step.

A search-shaped case is ``trees`` problems; in every wave each asks for ``width`` steps of ``step`` tokens after its
path, and the path goes on with the first of them. ``generate`` reads each path anew, the engine knows it. No row ends
early: the head makes the end token and the delimiter impossible. The engine also returns log-probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from transformers import Qwen2ForCausalLM

from benchmarks.gpu_bench import Bench, new_tokenizer, peak_gib, random_model, take_turns
from benchmarks.report import Row, measured
from policy.engine import Engine, GenerateRequest, Sampling
from policy.hf_engine import HfEngine

DELIMITER = "\n"
Paths = list[tuple[int, ...]]
Continue = Callable[[Paths, int], list[Paths]]
"""Paths and the number of the wave to the generations after each path, token ids."""


@dataclass(frozen=True, slots=True)
class Case:
    """``trees`` problems of ``prompt`` tokens; ``waves`` times ``width`` generations of ``step`` tokens each."""

    name: str
    trees: int
    width: int
    step: int
    waves: int
    prompt: int = 192

    @property
    def tokens(self) -> int:
        """Tokens drawn."""
        return self.trees * self.width * self.step * self.waves


def cases(bench: Bench) -> list[Case]:
    """Most telling first: the time may not be enough for all."""
    if bench.sized(False, True):
        return [Case("solutions, 4 rows", 4, 1, 6, 1, 8), Case("search, 2 trees of width 3", 2, 3, 4, 2, 8)]
    return [
        Case("solutions, 256 rows", 256, 1, 64, 1),
        Case("search, 32 trees of width 8 (256 rows)", 32, 8, 16, 4),
        Case("solutions, 32 rows", 32, 1, 64, 1),
        Case("search, 128 trees of width 8 (1024 rows)", 128, 8, 16, 4),
        Case("search, 4 trees of width 8 (32 rows)", 4, 8, 16, 4),
        Case("solutions, 1024 rows", 1024, 1, 64, 1),
    ]


def rows(bench: Bench) -> Iterator[Row]:
    """Both arms draw the same number of tokens, or the part fails."""
    model = endless_policy(bench)
    for case in cases(bench):
        if bench.has_time():
            yield from _case_rows(bench, model, case)


def endless_policy(bench: Bench) -> Qwen2ForCausalLM:
    """A policy in bfloat16 that draws neither the end token nor the delimiter, by the bias of its head."""
    tokenizer = new_tokenizer()
    model = random_model(Qwen2ForCausalLM, bench, torch.bfloat16)
    tied = model.lm_head.weight
    head = torch.nn.Linear(tied.shape[1], tied.shape[0], device=tied.device, dtype=tied.dtype)
    with torch.no_grad():
        head.bias.zero_()
        head.bias[[tokenizer.eos_token_id, *tokenizer.encode(DELIMITER, add_special_tokens=False)]] = -1e4
    head.weight = tied
    model.lm_head = head
    return model


def walk(case: Case, vocabulary: int, go_on: Continue) -> int:
    """Grow every tree by its waves; returns the number of tokens drawn."""
    drawn = 0
    paths = first_paths(case, vocabulary)
    for wave in range(case.waves):
        answers = go_on(paths, wave)
        drawn += sum(len(one) for answer in answers for one in answer)
        paths = [path + answer[0] for path, answer in zip(paths, answers, strict=True)]
    return drawn


def first_paths(case: Case, vocabulary: int) -> Paths:
    """Prompts of random token ids, all different."""
    generator = torch.Generator().manual_seed(case.tokens)
    drawn: list[list[int]] = torch.randint(2, vocabulary, (case.trees, case.prompt), generator=generator).tolist()
    return [tuple(ids) for ids in drawn]


def through_engine(engine: Engine, case: Case, stop: tuple[str, ...] = ()) -> Continue:
    """The engine as a search calls it."""
    sampling = Sampling(max_tokens=case.step, stop=stop)

    def go_on(paths: Paths, wave: int) -> list[Paths]:
        requests = [
            GenerateRequest(path, case.width, sampling, wave * case.trees + index) for index, path in enumerate(paths)
        ]
        return [[one.token_ids for one in answer] for answer in engine.generate(requests)]

    return go_on


def through_generate(model: Qwen2ForCausalLM, case: Case) -> Continue:
    """transformers' own sampling from the same distribution: temperature 1, nothing cut off."""

    def go_on(paths: Paths, wave: int) -> list[Paths]:
        prompts = torch.tensor(paths, device=model.device)
        ids = model.generate(  # type: ignore[misc]
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            top_k=0,
            num_return_sequences=case.width,
            max_new_tokens=case.step,
        )
        assert isinstance(ids, torch.Tensor)
        drawn: list[list[int]] = ids[:, prompts.shape[1] :].tolist()
        return [[tuple(one) for one in drawn[i : i + case.width]] for i in range(0, len(drawn), case.width)]

    return go_on


def _case_rows(bench: Bench, model: Qwen2ForCausalLM, case: Case) -> Iterator[Row]:
    engine = HfEngine(model, new_tokenizer(), batch_rows=1024, cache_mb=bench.sized(8192, 64))
    vocabulary = bench.shape.vocabulary
    ours, theirs = through_engine(engine, case, (DELIMITER,)), through_generate(model, case)

    def search() -> int:
        engine.forget()  # each turn asks the same again: without this it would walk through what it knows
        return walk(case, vocabulary, ours)

    def generate() -> int:
        return walk(case, vocabulary, theirs)

    peaks = []
    for arm, name in ((search, "engine"), (generate, "generate")):
        peak_gib(bench)
        if (drawn := arm()) != case.tokens:
            raise ValueError(f"{case.name}: {name} drew {drawn} tokens instead of {case.tokens}: void")
        peaks.append((name, peak_gib(bench)))
    turns = take_turns(bench, [search, generate])
    yield from _speeds(case, turns)
    asked = engine.counts
    yield measured(f"{case.name}: prompt tokens read per drawn token", [asked.prefilled / asked.generated])
    for name, peak in peaks:
        if peak is not None:
            yield measured(f"{case.name}: {name}, peak GiB", [peak])
    engine.close()


def _speeds(case: Case, turns: Sequence[tuple[float, ...]]) -> Iterator[Row]:
    yield measured(f"{case.name}: ratio to generate", [theirs / ours for ours, theirs in turns], at_least=0.9)
    yield measured(f"{case.name}: engine, tokens/s", [case.tokens / ours for ours, _ in turns])
    yield measured(f"{case.name}: generate, tokens/s", [case.tokens / theirs for _, theirs in turns])
