"""The hf engine over many calls: what it remembers, what it drops, and how requests come and go."""

from __future__ import annotations

import copy

import pytest
import torch

from lm.logprobs import score_rows
from lm.rows import TextRow
from policy.engine import Finish, GenerateRequest, Sampling, StreamingEngine
from policy.hf_engine import HfEngine
from policy.kv_cache import bytes_per_node
from tasks.errors import UserError

PROMPTS = [(5, 9, 30), (70,), (40, 41, 42, 43, 44, 45, 46, 47), (5, 9, 31), (100, 3, 80, 12, 77)]
STEP = Sampling(max_tokens=8, stop=("\n", ";"))


@pytest.fixture(scope="module")
def chatty(bpe, narrow):
    return narrow(bpe, [*bpe.encode("ab;\n#1 ", add_special_tokens=False), bpe.eos_token_id])


@pytest.fixture(scope="module")
def endless(bpe, narrow):
    """Never draws the end."""
    return narrow(bpe, bpe.encode("ab1 ", add_special_tokens=False))


def megabytes(model, tokens: int) -> float:
    return tokens * bytes_per_node(model) / 2**20 + 1e-9


def tokens(answers):
    return [[one.token_ids for one in answer] for answer in answers]


def expand(engine, waves: int, width: int = 4):
    """A search's calls: each wave goes on from a step of the last one. Returns all requests and answers."""
    prompts, asked, answers = list(PROMPTS), [], []
    for wave in range(waves):
        requests = [GenerateRequest(prompt, width, STEP, 100 * wave + i) for i, prompt in enumerate(prompts)]
        asked += requests
        answers += engine.generate(requests)
        prompts = [
            request.prompt_ids + answer[wave % width].token_ids
            for request, answer in zip(requests, answers[-len(requests) :], strict=True)
        ]
    return asked, answers


@pytest.mark.parametrize("capacity", [None, 40, 33])
def test_logprobs_are_those_of_one_pass_whatever_was_kept_or_dropped(chatty, bpe, capacity):
    engine = HfEngine(chatty, bpe) if capacity is None else HfEngine(chatty, bpe, 512, megabytes(chatty, capacity))
    asked, answers = expand(engine, waves=3)
    rows = [TextRow("", r.prompt_ids, g.token_ids) for r, answer in zip(asked, answers, strict=True) for g in answer]
    found = [one.logprobs for answer in answers for one in answer]
    for one, expected in zip(found, score_rows(chatty, rows, 0), strict=True):
        assert one == pytest.approx(expected, abs=1e-5)
    assert tokens(answers) == tokens(expand(HfEngine(chatty, bpe), waves=3)[1])
    assert (engine.counts.reread > 0) == (capacity is not None)
    assert engine.counts.reread <= engine.counts.prefilled


def test_a_step_that_is_gone_on_from_costs_its_last_token(chatty, bpe):
    engine = HfEngine(chatty, bpe)
    _, answers = expand(engine, waves=1)
    read = engine.counts.prefilled
    step = next(one for one in answers[0] if len(one.token_ids) > 1)
    engine.generate([GenerateRequest(PROMPTS[0] + step.token_ids, 4, STEP, 7)])
    assert engine.counts.prefilled == read + 1
    engine.generate([GenerateRequest(PROMPTS[0] + step.token_ids, 4, STEP, 8)])
    engine.generate([GenerateRequest(PROMPTS[0] + step.token_ids[:-1], 4, STEP, 8)])
    assert engine.counts.prefilled == read + 1  # known nodes cost nothing
    assert engine.counts.reread == 0


def test_what_was_drawn_before_is_not_computed_again(chatty, bpe):
    engine = HfEngine(chatty, bpe)
    first = expand(engine, waves=2)[1]
    passes = []
    hook = chatty.model.register_forward_pre_hook(lambda *_: passes.append(1))
    again = expand(engine, waves=2)[1]
    hook.remove()
    assert again == first
    assert passes == []


def test_the_same_calls_give_the_same_bits(chatty, bpe):
    small = megabytes(chatty, 50)
    assert expand(HfEngine(chatty, bpe, 8, small), 3) == expand(HfEngine(chatty, bpe, 8, small), 3)


def test_a_request_that_the_cache_cannot_hold_is_refused(chatty, bpe):
    engine = HfEngine(chatty, bpe, 8, megabytes(chatty, 20))
    with pytest.raises(
        UserError, match=r"holds 20 tokens, but a prompt of 8 with up to 13 more.*raise engine.cache_mb"
    ):
        engine.generate([GenerateRequest(PROMPTS[2], 1, Sampling(max_tokens=13), 1)])
    (answer,) = engine.generate([GenerateRequest(PROMPTS[2], 5, Sampling(max_tokens=12), 1)])
    assert len(answer) == 5


def test_generations_end_where_the_models_context_ends(endless, bpe):
    engine = HfEngine(endless, bpe)
    for length, room in ((120, 8), (127, 1), (128, 0), (140, 0)):
        (answer,) = engine.generate([GenerateRequest((7,) * length, 2, Sampling(max_tokens=30), 1)])
        assert [(len(one.token_ids), one.finish) for one in answer] == [(room, Finish.LENGTH)] * 2
    prompt = torch.tensor([[7] * 120])
    (answer,) = engine.generate([GenerateRequest((7,) * 120, 1, Sampling(max_tokens=30, temperature=0.0), 1)])
    expected = endless.generate(
        prompt, attention_mask=torch.ones_like(prompt), do_sample=False, max_new_tokens=8, pad_token_id=0
    )
    assert list(answer[0].token_ids) == expected[0, 120:].tolist()


@pytest.mark.parametrize("batch_rows", [1, 3, 8])
def test_a_request_may_have_more_rows_than_the_batch(chatty, bpe, batch_rows):
    requests = [GenerateRequest(prompt, 10, STEP, seed) for seed, prompt in enumerate(PROMPTS)]
    passes = []
    hook = chatty.model.register_forward_pre_hook(lambda *_: passes.append(len(engine._rows)))
    engine = HfEngine(chatty, bpe, batch_rows)
    answers = engine.generate(requests)
    hook.remove()
    assert max(passes) == batch_rows
    assert tokens(answers) == tokens(HfEngine(chatty, bpe).generate(requests))


def test_waiting_rows_enter_as_others_leave(endless, bpe):
    passes = []
    hook = endless.model.register_forward_pre_hook(lambda *_: passes.append(1))
    long = GenerateRequest((5,), 1, Sampling(max_tokens=24), 1)
    short = [GenerateRequest((20 + seed, 6), 1, Sampling(max_tokens=4), seed) for seed in range(12)]
    HfEngine(endless, bpe, batch_rows=3).generate([long, *short])
    hook.remove()
    assert len(passes) <= 25  # 12 short ones fit two at a time beside the long one; with a barrier: 39


def test_several_end_tokens(chatty, bpe):
    model = copy.deepcopy(chatty)
    other = bpe.encode("#", add_special_tokens=False)[0]
    model.generation_config.eos_token_id = [bpe.eos_token_id, other]
    requests = [GenerateRequest(prompt, 8, Sampling(max_tokens=20), seed) for seed, prompt in enumerate(PROMPTS)]
    found = [one for answer in HfEngine(model, bpe).generate(requests) for one in answer]
    for one in found:
        assert (one.finish is Finish.END) == (one.token_ids[-1] in (other, bpe.eos_token_id))
        assert not {other, bpe.eos_token_id} & set(one.token_ids[:-1])
    assert {one.token_ids[-1] for one in found} >= {other, bpe.eos_token_id}


def test_requests_come_and_go_at_any_time(chatty, bpe):
    engine = HfEngine(chatty, bpe, batch_rows=6)
    assert isinstance(engine, StreamingEngine)
    assert engine.receive() == []
    requests = [GenerateRequest(PROMPTS[n % 5], 3, Sampling(max_tokens=3 + 5 * (n % 3)), n) for n in range(12)]
    waiting, answers = list(enumerate(requests)), {}
    for ticket, request in waiting[:4]:
        engine.submit(ticket, request)
    del waiting[:4]
    while received := engine.receive():
        assert not set(answers) & {ticket for ticket, _ in received}
        answers |= dict(received)
        for ticket, request in waiting[:2]:
            engine.submit(ticket, request)
        del waiting[:2]
    assert sorted(answers) == list(range(12))
    assert list(answers) != sorted(answers)  # short ones overtake
    expected = HfEngine(chatty, bpe).generate(requests)
    assert tokens([answers[ticket] for ticket in range(12)]) == tokens(expected)


def test_no_generations_asked_none_given(chatty, bpe):
    assert HfEngine(chatty, bpe).generate([GenerateRequest((5,), 0, STEP, 1)]) == [[]]


def test_forget_after_a_change_of_weights(chatty, bpe):
    model = copy.deepcopy(chatty)
    engine = HfEngine(model, bpe)
    before = expand(engine, 1)[1]
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.mul_(-1)
    engine.forget()
    after = expand(engine, 1)[1]
    assert after == expand(HfEngine(model, bpe), 1)[1] != before
    engine.submit(1, GenerateRequest((5,), 1, STEP, 1))
    with pytest.raises(ValueError, match="under way"):
        engine.forget()
    engine.receive()
    engine.close()
