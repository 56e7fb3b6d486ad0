"""The hf engine against transformers' own generation and against log-probs computed in one pass."""

from __future__ import annotations

import pytest
import torch

from lm.logprobs import score_rows
from lm.rows import TextRow
from policy.engine import Finish, GenerateRequest, Sampling
from policy.hf_engine import HfEngine

PROMPTS = [(5, 9, 30), (70,), (40, 41, 42, 43, 44, 45, 46, 47), (5, 9, 31), (100, 3, 80, 12, 77)]
LETTERS = "ab;\n#1 "


def ask(prompt=PROMPTS[0], count=1, seed=1, **sampling) -> GenerateRequest:
    return GenerateRequest(prompt, count, Sampling(**sampling), seed)


def generated(model, tokenizer, requests, batch_rows=512):
    return HfEngine(model, tokenizer, batch_rows).generate(requests)


def tokens(answers) -> list[list[tuple[int, ...]]]:
    return [[generation.token_ids for generation in answer] for answer in answers]


@pytest.fixture(scope="module")
def chatty(bpe, narrow):
    """Draws delimiters, letters and the end, all likely."""
    return narrow(bpe, [*bpe.encode(LETTERS, add_special_tokens=False), bpe.eos_token_id])


@pytest.fixture
def read(chatty):
    """The shapes of the token ids that the model is run on."""
    shapes: list[tuple[int, int]] = []
    hook = chatty.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    yield shapes
    hook.remove()


@pytest.mark.parametrize("name", ["model", "chatty"])
def test_greedy_equals_transformers_token_for_token(name, request, bpe):
    model = request.getfixturevalue(name)
    answers = generated(model, bpe, [ask(prompt, max_tokens=24, temperature=0.0) for prompt in PROMPTS])
    for prompt, (found,) in zip(PROMPTS, answers, strict=True):
        ids = torch.tensor([prompt])
        expected = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=24, do_sample=False, pad_token_id=0
        )
        assert list(found.token_ids) == expected[0, len(prompt) :].tolist()
    assert len({generation.token_ids for (generation,) in answers}) == len(PROMPTS)  # prompts matter


@pytest.mark.parametrize(
    "sampling", [{}, {"temperature": 0.5}, {"temperature": 1.5, "top_p": 0.7}, {"temperature": 0.0}]
)
def test_logprobs_are_those_of_one_pass_at_temperature_1(chatty, bpe, sampling):
    requests = [ask(prompt, 4, seed, max_tokens=20, **sampling) for seed, prompt in enumerate(PROMPTS)]
    answers = generated(chatty, bpe, requests)
    rows = [TextRow("", r.prompt_ids, g.token_ids) for r, answer in zip(requests, answers, strict=True) for g in answer]
    found = [generation.logprobs for answer in answers for generation in answer]
    for one, expected in zip(found, score_rows(chatty, rows, 0), strict=True):
        assert one == pytest.approx(expected, abs=1e-5)
    if sampling.get("temperature") != 0.0:
        assert len({row.length - len(row.prompt_ids) for row in rows}) > 1  # rows of several lengths


def test_draws_do_not_depend_on_the_company(chatty, bpe):
    requests = [
        ask(prompt, 3, seed, max_tokens=8 + seed, temperature=(1.0, 0.0, 0.7)[seed % 3], top_p=(1.0, 0.8)[seed % 2])
        for seed, prompt in enumerate(PROMPTS)
    ]
    together = generated(chatty, bpe, requests)
    for request, answer in zip(requests, together, strict=True):
        (alone,) = generated(chatty, bpe, [request])
        assert tokens([alone]) == tokens([answer])
        for one, other in zip(alone, answer, strict=True):
            assert one.logprobs == pytest.approx(other.logprobs, abs=1e-5)


@pytest.mark.parametrize("batch_rows", [1, 4, 7])
def test_chunks_change_no_token_and_answers_keep_their_order(chatty, bpe, batch_rows):
    requests = [ask(prompt, 3, seed, max_tokens=12) for seed, prompt in enumerate(PROMPTS)]
    assert tokens(generated(chatty, bpe, requests, batch_rows)) == tokens(generated(chatty, bpe, requests))


def test_the_same_call_gives_the_same_bits(chatty, bpe):
    requests = [ask(prompt, 3, seed, max_tokens=12) for seed, prompt in enumerate(PROMPTS)]
    torch.rand(1)  # no global state is read
    assert generated(chatty, bpe, requests) == generated(chatty, bpe, requests)


def test_the_seed_fixes_a_requests_generations(chatty, bpe):
    requests = [ask(count=8, seed=seed, max_tokens=16) for seed in (1, 2, 1)]
    first, other, again = tokens(generated(chatty, bpe, requests))
    assert first == again != other
    assert len(set(first)) > 4  # the generations of one request differ
    assert tokens(generated(chatty, bpe, [ask(count=3, seed=1, max_tokens=16)])) == [first[:3]]
    assert tokens(generated(chatty, bpe, [ask(seed=2**63 - 1)])) != tokens(generated(chatty, bpe, [ask(seed=0)]))


@pytest.mark.parametrize("stop", [("\n",), (";;",), ("#", "b;"), ("1 1",), ()])
def test_every_generation_ends_for_its_reason(chatty, bpe, stop):
    """A stop string ends it with the token that completes it; without stop strings it would have gone on the same."""
    requests = [ask(prompt, 16, seed, max_tokens=10, stop=stop) for seed, prompt in enumerate(PROMPTS)]
    answers = generated(chatty, bpe, requests)
    endless = generated(chatty, bpe, [ask(r.prompt_ids, 16, r.seed, max_tokens=10) for r in requests])
    found = [generation for answer in answers for generation in answer]
    for generation, longer in zip(found, (g for answer in endless for g in answer), strict=True):
        ids, end = generation.token_ids, generation.finish
        assert longer.token_ids[: len(ids)] == ids
        assert len(generation.logprobs) == len(ids) <= 10
        assert (ids[-1] == bpe.eos_token_id) == (end is Finish.END)
        assert bpe.eos_token_id not in ids[:-1]
        assert any(one in bpe.decode(ids) for one in stop) == (end is Finish.STOP)
        assert not any(one in bpe.decode(ids[:-1]) for one in stop)
        if end is Finish.LENGTH:
            assert len(ids) == 10
    assert {generation.finish for generation in found} == {Finish.END, Finish.LENGTH} | (
        {Finish.STOP} if stop else set()
    )


def test_each_request_has_its_own_limit_and_stops(chatty, bpe):
    short, long, stopped = generated(
        chatty, bpe, [ask(count=8, max_tokens=3), ask(count=8, max_tokens=12), ask(count=8, max_tokens=12, stop=("a",))]
    )
    assert max(len(generation.token_ids) for generation in short) == 3
    assert max(len(generation.token_ids) for generation in long) == 12
    assert Finish.STOP in {generation.finish for generation in stopped}
    assert Finish.STOP not in {generation.finish for generation in short + long}


def test_finished_rows_leave_the_batch(chatty, bpe, read):
    answers = generated(chatty, bpe, [ask(prompt, 24, seed, max_tokens=30) for seed, prompt in enumerate(PROMPTS)])
    lengths = [len(generation.token_ids) for answer in answers for generation in answer]
    prefill, *decoded = read
    assert prefill == (1, sum(map(len, PROMPTS)) - 2)  # two prompts begin alike
    assert len(decoded) == max(lengths) - 1  # the last token drawn is not read
    for step, (rows, computed) in enumerate(decoded, 1):
        assert rows == 1
        assert computed <= sum(length > step for length in lengths)


def test_rows_that_agree_are_computed_once(chatty, bpe, read):
    requests = [ask(PROMPTS[seed % 2], 4, seed, max_tokens=12) for seed in range(6)]
    answers = generated(chatty, bpe, requests)
    needed = {request.prompt_ids[:end] for request in requests for end in range(1, len(request.prompt_ids) + 1)} | {
        request.prompt_ids + generation.token_ids[:end]
        for request, answer in zip(requests, answers, strict=True)
        for generation in answer
        for end in range(1, len(generation.token_ids))
    }
    assert sum(computed for _, computed in read) == len(needed)


def test_counts_add_up_over_calls(chatty, bpe):
    engine = HfEngine(chatty, bpe)
    total = 0
    for seed in range(3):
        answers = engine.generate([ask(prompt, 2, seed, max_tokens=9) for prompt in PROMPTS])
        total += sum(len(generation.token_ids) for answer in answers for generation in answer)
        assert engine.counts.generated == total
        assert engine.counts.prefilled == sum(map(len, PROMPTS)) - 2  # in the first call; two prompts begin alike
        assert engine.counts.prefilled + engine.counts.cached == (seed + 1) * sum(map(len, PROMPTS))
    assert engine.counts.reread == 0


def test_one_token_at_most_one_token(chatty, bpe):
    (answer,) = generated(chatty, bpe, [ask(count=5, max_tokens=1)])
    assert {len(generation.token_ids) for generation in answer} == {1}


def test_nothing_asked_nothing_answered(chatty, bpe):
    assert generated(chatty, bpe, []) == []


def test_an_empty_prompt_is_refused(chatty, bpe):
    with pytest.raises(ValueError, match="at least one token"):
        generated(chatty, bpe, [ask(), ask(())])
