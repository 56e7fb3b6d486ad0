"""The engine's tokens per second against transformers' plain ``generate``: one model, the same prompts, one thread.

``python -m benchmarks.engine_speed`` (about a minute). The arms take turns and each repeat gives one ratio. Seconds are
the process's own (one thread), for the machine is shared; what else runs still slows both arms through its caches.
No row may end early: the model's head makes the end token and the delimiter impossible for both arms; both go on
looking for the end, the engine for the delimiter too. The engine also returns log-probabilities, which ``generate``
does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import process_time

import torch
from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

from benchmarks.report import Row, measured, write_report
from lm.config import TokenizerKind
from lm.tiny import new_tiny_model, tiny_config
from lm.tokenizer import build_tokenizer
from policy.engine import GenerateRequest, Sampling
from policy.hf_engine import HfEngine

REPEATS = 15
SIZE = 128
PROMPT_TOKENS = 48
DELIMITER = "\n"


@dataclass(frozen=True, slots=True)
class Case:
    """``rows`` generations of ``new_tokens`` each; every prompt has ``per_prompt`` of them."""

    name: str
    rows: int
    per_prompt: int
    new_tokens: int


CASES = [
    Case("solutions, batch 256", 256, 1, 32),
    Case("solutions, batch 64", 64, 1, 32),
    Case("search expansions, batch 256 (8 of 8 tokens a prompt)", 256, 8, 8),
    Case("search expansions, batch 64 (8 of 8 tokens a prompt)", 64, 8, 8),
]


def endless_policy() -> tuple[Qwen2ForCausalLM, PreTrainedTokenizerFast]:
    """A tiny policy that draws neither the end token nor the delimiter, by the bias of its head."""
    tokenizer = build_tokenizer(TokenizerKind.CHARACTERS, [], 0)
    model = new_tiny_model(tiny_config(SIZE, tokenizer, PROMPT_TOKENS + 32), 0)
    head = torch.nn.Linear(SIZE, len(tokenizer))
    with torch.no_grad():
        head.bias.zero_()
        head.bias[[tokenizer.eos_token_id, *tokenizer.encode(DELIMITER, add_special_tokens=False)]] = -1e4
    head.weight = model.lm_head.weight
    model.lm_head = head
    return model.eval(), tokenizer


def prompts_of(case: Case) -> torch.Tensor:
    """Token ids [prompts, PROMPT_TOKENS], all prompts different."""
    generator = torch.Generator().manual_seed(case.rows)
    return torch.randint(2, 258, (case.rows // case.per_prompt, PROMPT_TOKENS), generator=generator)


def engine_arm(case: Case, engine: HfEngine) -> Callable[[], int]:
    """The engine as the proposer calls it; the arm returns how many tokens it drew."""
    sampling = Sampling(max_tokens=case.new_tokens, stop=(DELIMITER,))
    requests = [
        GenerateRequest(tuple(prompt), case.per_prompt, sampling, seed)
        for seed, prompt in enumerate(prompts_of(case).tolist())
    ]

    def run() -> int:
        engine.forget()  # each repeat asks the same again: without this it would walk through what it knows
        return sum(len(one.token_ids) for answer in engine.generate(requests) for one in answer)

    return run


def generate_arm(case: Case, model: Qwen2ForCausalLM) -> Callable[[], int]:
    """transformers' own sampling from the same distribution: temperature 1, nothing cut off."""
    prompts = prompts_of(case)

    def run() -> int:
        ids = model.generate(  # type: ignore[misc]
            prompts,
            attention_mask=torch.ones_like(prompts),
            do_sample=True,
            top_k=0,
            num_return_sequences=case.per_prompt,
            max_new_tokens=case.new_tokens,
        )
        assert isinstance(ids, torch.Tensor)
        return ids[:, PROMPT_TOKENS:].numel()

    return run


def tokens_per_second(arm: Callable[[], int], case: Case) -> float:
    """One timed run, which must have drawn every token it was meant to."""
    started = process_time()
    drawn = arm()
    seconds = process_time() - started
    if drawn != case.rows * case.new_tokens:
        raise SystemExit(
            f"{case.name}: {drawn} tokens instead of {case.rows * case.new_tokens}: the comparison is void"
        )
    return drawn / seconds


def rows_of(case: Case, model: Qwen2ForCausalLM, engine: HfEngine, repeats: int) -> list[Row]:
    """Warm up, then take turns."""
    ours, theirs = engine_arm(case, engine), generate_arm(case, model)
    for arm in (ours, theirs):
        tokens_per_second(arm, case)
    speeds = [(tokens_per_second(ours, case), tokens_per_second(theirs, case)) for _ in range(repeats)]
    return [
        measured(f"{case.name}: ratio to generate", [a / b for a, b in speeds], at_least=0.9),
        measured(f"{case.name}: engine, tokens/s", [a for a, _ in speeds]),
        measured(f"{case.name}: generate, tokens/s", [b for _, b in speeds]),
    ]


def main() -> None:
    """Measure, write, print."""
    torch.set_num_threads(1)
    model, tokenizer = endless_policy()
    engine = HfEngine(model, tokenizer)
    write_report("engine_speed", [row for case in CASES for row in rows_of(case, model, engine, REPEATS)])


if __name__ == "__main__":
    main()
