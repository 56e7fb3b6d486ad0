"""The policy as the search sees it, over an engine that says what it is told to say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mcts.step import Proposer, ProposeRequest, Step, StreamingProposer, joined
from policy.config import PromptConfig, StepFormatConfig
from policy.engine import EngineCounts, Finish, GenerateRequest, Generation, Sampling
from policy.hf_engine import HfEngine
from policy.proposer import PolicyProposer, PromptEncoder
from policy.step_format import TextSteps
from tasks.problem import Problem

PROBLEM = Problem("p", "3 + 4?", "7")


class ToldEngine:
    """Gives the texts it was told to, in order, and keeps what it was asked."""

    def __init__(self, tokenizer, told: list[list[tuple[str, Finish]]]) -> None:
        self.counts = EngineCounts()
        self.asked: list[GenerateRequest] = []
        self._tokenizer = tokenizer
        self._told = iter(told)

    def generate(self, requests: Sequence[GenerateRequest]) -> list[list[Generation]]:
        self.asked += requests
        return [[self._say(*one) for one in next(self._told)] for _ in requests]

    def _say(self, text: str, finish: Finish) -> Generation:
        ids = self._tokenizer.encode(text, add_special_tokens=False)
        ids += [self._tokenizer.eos_token_id] if finish is Finish.END else []
        return Generation(tuple(ids), (-0.5,) * len(ids), finish)


@pytest.fixture
def proposer(characters):
    def make(*told: list[tuple[str, Finish]], template: str = "{prompt}\n", **options) -> PolicyProposer:
        return PolicyProposer(
            ToldEngine(characters, list(told)),
            PromptEncoder(PromptConfig(template), characters),
            TextSteps(StepFormatConfig(max_step_tokens=20), characters),
            **options,
        )

    return make


def request(max_steps: int | None, prefix: tuple[Step, ...] = (), count: int = 2) -> ProposeRequest:
    return ProposeRequest(0, PROBLEM, prefix, count, max_steps, 99)


def texts(answer) -> list[list[str]]:
    return [[step.text for step in continuation] for continuation in answer]


def test_one_step_stops_at_the_delimiter(proposer):
    made = proposer([("a\n", Finish.STOP), ("#### 7", Finish.END)], temperature=0.7, top_p=0.9)
    (answer,) = made.propose([request(1)])
    assert texts(answer) == [["a\n"], ["#### 7"]]
    assert [continuation[-1].is_final for continuation in answer] == [False, True]
    (asked,) = made.engine.asked
    assert asked.sampling == Sampling(temperature=0.7, top_p=0.9, max_tokens=20, stop=("\n",))
    assert (asked.count, asked.seed) == (2, 99)


def test_to_the_end_goes_on_over_delimiters(proposer):
    made = proposer([("a\nb\n#### 7\nmore", Finish.LENGTH), ("a\nb", Finish.END)], max_tokens=50)
    (answer,) = made.propose([request(None)])
    assert texts(answer) == [["a\n", "b\n", "#### 7\n"], ["a\n", "b"]]
    assert made.engine.asked[0].sampling == Sampling(max_tokens=50)


def test_a_few_steps(proposer):
    made = proposer([("a\nb\nc\n", Finish.LENGTH), ("a\nb", Finish.LENGTH)], max_tokens=50)
    (answer,) = made.propose([request(2)])
    assert texts(answer) == [["a\n", "b\n"], ["a\n"]]
    assert (made.counts.steps, made.counts.dodged) == (4, 1)
    assert made.engine.asked[0].sampling.stop == ()


def test_dodging_steps_are_left_out_and_counted(proposer):
    made = proposer(
        [("no end in sight", Finish.LENGTH), ("a\n", Finish.STOP)],
        [("never", Finish.LENGTH), ("ending", Finish.LENGTH)],
        [("a\nb\nnever", Finish.LENGTH), ("never", Finish.LENGTH)],
    )
    one, none, to_the_end = made.propose([request(1), request(1), request(None)])
    assert texts(one) == [["a\n"]]
    assert texts(none) == []
    assert texts(to_the_end) == [["a\n", "b\n"]]  # what came before the dodging step stays
    assert (made.counts.steps, made.counts.dodged) == (2 + 2 + 4, 1 + 2 + 2)


def test_the_prefix_goes_in_as_it_was_sampled(proposer, characters):
    """Token ids, not text: the same text could be encoded otherwise."""
    odd = Step("whatever", (200, 201, 202)), Step("else", (7,))
    made = proposer([("a\n", Finish.STOP)] * 2)
    made.propose([request(1, odd)])
    prompt = characters.encode("3 + 4?\n", add_special_tokens=False)
    assert made.engine.asked[0].prompt_ids == (*prompt, 200, 201, 202, 7)
    assert joined(odd) == (200, 201, 202, 7)


@pytest.mark.parametrize("prompt", ["{x}", "f(x) = {", "{0} and {prompt}", "\\{}"])
def test_a_problem_may_hold_braces(characters, prompt):
    encode = PromptEncoder(PromptConfig("Q: {prompt} {A}: "), characters)
    assert characters.decode(encode(prompt)) == f"Q: {prompt} {{A}}: "
    assert encode(prompt) is encode(prompt)  # encoded once


def test_answers_stand_in_the_order_of_the_requests(proposer):
    made = proposer([("first\n", Finish.STOP)], [("second\n", Finish.STOP)])
    assert [texts(answer) for answer in made.propose([request(1, count=1)] * 2)] == [[["first\n"]], [["second\n"]]]


def test_over_a_real_engine(characters, narrow):
    model = narrow(characters, [*characters.encode("ab\n#", add_special_tokens=False), characters.eos_token_id])
    made: Proposer = PolicyProposer(
        HfEngine(model, characters),
        PromptEncoder(PromptConfig(), characters),
        TextSteps(StepFormatConfig(max_step_tokens=12), characters),
    )
    answer, same = made.propose([request(1, count=8), request(1, count=8)])
    assert answer == same  # the seed decides
    assert answer
    for (step,) in answer:
        assert step.is_final or step.text.endswith("\n")
        assert len(step.token_ids) == len(step.logprobs) <= 12


def test_streamed_requests_get_what_a_batch_would(characters, narrow):
    model = narrow(characters, [*characters.encode("ab\n#", add_special_tokens=False), characters.eos_token_id])

    def new() -> PolicyProposer:
        steps = TextSteps(StepFormatConfig(max_step_tokens=2), characters)
        return PolicyProposer(HfEngine(model, characters), PromptEncoder(PromptConfig(), characters), steps)

    asked = {5: request(1, count=6), 3: request(None, count=4), 8: request(2, (Step("ab\n", (67, 68)),), count=5)}
    batch = new()
    expected = dict(zip(asked, batch.propose(list(asked.values())), strict=True))
    streaming = new()
    checked: StreamingProposer = streaming
    for ticket, one in asked.items():
        checked.submit(ticket, one)
    found = {}
    while len(found) < len(asked):
        answers = checked.receive()
        assert answers
        found |= dict(answers)
    assert {ticket: texts(answer) for ticket, answer in found.items()} == {
        ticket: texts(answer) for ticket, answer in expected.items()
    }
    assert streaming.counts == batch.counts
    assert streaming.counts.dodged > 0


def test_an_engine_of_batches_cannot_be_streamed(proposer):
    with pytest.raises(ValueError, match="ToldEngine answers whole batches only; use the lock-step driver"):
        proposer([]).submit(0, request(1))
