r"""Steps in code: run as they are written, shown what they print, and only what the policy wrote counts as its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm.config import TokenizerKind
from lm.tokenizer import build_tokenizer
from mcts.step import ProposeRequest, Step, joined, observed
from mcts.trajectory import Trajectory, solution_text
from policy.code_steps import CodeSteps
from policy.config import PromptConfig, StepFormatConfig
from policy.engine import Finish, Sampling
from policy.proposer import PolicyProposer, PromptEncoder
from policy.rl import Group, credited, judged, members, sample_groups, step_ends, text_rows
from policy.writer import StepWriter, WriteRequest
from tasks.answers import AnswerType, AnswerVerifier
from tasks.config import StepFormat
from tasks.problem import Outcome, Problem
from tasks.suites.code_format import STEP_END, CodeVerifier, final_line
from tests.policy.code_fakes import HereSandbox, SayingEngine

TOKENIZER = build_tokenizer(TokenizerKind.CHARACTERS, [], 0)
ENCODE = PromptEncoder(PromptConfig(), TOKENIZER)
PROBLEM = Problem("p", "What is 3*4?\n", "12")
VERIFIER = CodeVerifier(AnswerVerifier(AnswerType.INTEGER))


def new_steps(**options) -> tuple[CodeSteps, HereSandbox]:
    sandbox = HereSandbox()
    return CodeSteps(StepFormatConfig(format=StepFormat.CODE, **options), TOKENIZER, sandbox), sandbox


def written_in_turns(*turns: str):
    """An engine's words: the next of ``turns`` at each number of steps that stand there; the last one ends."""

    def say(before: str, seed: int) -> tuple[str, Finish]:
        text = turns[before.count(STEP_END)]
        return (text, Finish.STOP) if text.endswith(STEP_END) else (text, Finish.END)

    return say


def whole(*turns: str, verdict: bool = True, **options) -> tuple[Trajectory, SayingEngine, HereSandbox]:
    """One whole solution, judged."""
    steps, sandbox = new_steps(**options)
    engine = SayingEngine(TOKENIZER, written_in_turns(*turns))
    (group,) = sample_groups(engine, ENCODE, steps, [PROBLEM], 1, 400, seed=0)
    (group,) = judged([group], VERIFIER)
    return group.trajectories[0], engine, sandbox


def code(*lines: str) -> str:
    return "".join(f"{line}\n" for line in lines) + STEP_END


def test_each_step_runs_after_those_before_it_and_its_output_is_shown():
    one, engine, sandbox = whole(code("# product", "a = 3*4"), code("print(a)"), final_line("12"))
    assert [step.text for step in one.steps] == [code("# product", "a = 3*4"), code("print(a)"), final_line("12")]
    assert [step.observation for step in one.steps] == ["", ">>> 12\n", ""]
    assert [step.is_final for step in one.steps] == [False, False, True]
    assert one.verdict.outcome is Outcome.CORRECT
    assert sandbox.calls == [("# product\na = 3*4\n",), ("# product\na = 3*4\n", "print(a)\n")]
    prompts = [TOKENIZER.decode(list(asked.prompt_ids)) for asked in engine.asked]
    assert prompts[2] == PROBLEM.prompt + code("# product", "a = 3*4") + code("print(a)") + ">>> 12\n"
    assert [asked.sampling.stop for asked in engine.asked] == [(STEP_END,)] * 3
    assert len({asked.seed for asked in engine.asked}) == 3  # a turn has a seed of its own


def test_what_code_prints_is_no_answer():
    boxed = code(r"print('The answer is \\boxed{12}')")
    printed, *_ = whole(boxed, "and so", verdict=False)
    assert printed.steps[0].observation == ">>> The answer is \\boxed{12}\n"
    assert not printed.is_final
    assert printed.verdict.outcome is Outcome.UNVERIFIABLE
    contradicted, *_ = whole(boxed, final_line("13"))
    assert contradicted.verdict.outcome is Outcome.WRONG
    held, *_ = whole(code(r"x = '\\boxed{12}' # \boxed{12}"), "x" * 500)
    assert held.verdict.outcome is Outcome.UNVERIFIABLE
    assert "observ" not in solution_text(printed.steps)


def test_the_word_error_is_an_output_like_any_other():
    one, *_ = whole(code("print('Traceback: error, timeout')"), final_line("12"))
    assert one.steps[0].observation == ">>> Traceback: error, timeout\n"
    assert one.verdict.outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (code("1/0"), "error"),
        (code("raise TimeoutError"), "timeout"),
        (code(">>> 12", final_line("12")), "error"),  # a forged observation is no Python
    ],
)
def test_failing_code_is_dropped_by_a_search_and_counted_by_outcome(text, failure):
    steps, _ = new_steps(max_step_tokens=100)
    engine = SayingEngine(TOKENIZER, lambda before, seed: (code("a=1") if seed % 2 else text, Finish.STOP))
    proposer = PolicyProposer(engine, ENCODE, steps)
    (answer,) = proposer.propose([ProposeRequest(0, PROBLEM, (), 4, 1, 7)])
    assert [[step.text for step in continuation] for continuation in answer] == [[code("a=1")]] * 2
    assert (proposer.counts.steps, proposer.counts.dodged) == (4, 0)
    assert proposer.counts.failed == {failure: 2} == steps.code.failed
    assert steps.code.calls == 4


@pytest.mark.parametrize("flaw", ["a=1\n", code("a=1") + "\n", final_line("12") + "\nmore", f" {final_line('12')}"])
def test_a_step_without_its_end_or_beyond_it_dodges(flaw):
    """The end token ends a final step alone; nothing stands behind STEP_END."""
    steps, sandbox = new_steps(max_step_tokens=100)
    finish = Finish.STOP if STEP_END in flaw else Finish.LENGTH if "more" in flaw else Finish.END
    proposer = PolicyProposer(SayingEngine(TOKENIZER, lambda before, seed: (flaw, finish)), ENCODE, steps)
    assert proposer.propose([ProposeRequest(0, PROBLEM, (), 1, 1, 7)]) == [[]]
    assert (proposer.counts.dodged, sandbox.calls) == (1, [])


def test_a_whole_solution_ends_with_its_last_allowed_failure_and_keeps_it():
    """What it failed by is what learning on policy must see; a search drops it."""
    for most in (1, 2, 3):
        steps, _ = new_steps(max_failures=most)
        engine = SayingEngine(TOKENIZER, written_in_turns(code("a=1"), code("1/0")))
        writer = StepWriter(engine, steps)
        ((one,),) = writer.write([WriteRequest(ENCODE(PROBLEM.prompt), (), 1, Sampling(max_tokens=400), 3)])
        assert [step.text for step in one.steps] == [code("a=1")]
        assert one.flaw.text == code("1/0")
        assert (one.failures, one.dodged, one.tried) == (("error",) * most, False, 1 + most)
        assert len({asked.seed for asked in engine.asked}) == 1 + most
        assert one.tokens == engine.counts.generated


def test_a_failure_may_be_followed_by_a_better_step():
    says = iter([code("1/0"), code("print(12)"), code("oops"), final_line("12")])

    def say(before: str, seed: int) -> tuple[str, Finish]:
        text = next(says)
        return text, Finish.STOP if STEP_END in text else Finish.END

    steps, _ = new_steps(max_failures=2)
    (group,) = sample_groups(SayingEngine(TOKENIZER, say), ENCODE, steps, [PROBLEM], 1, 400, seed=0)
    assert [step.text for step in group.trajectories[0].steps] == [code("print(12)"), final_line("12")]
    assert steps.code.failed == {"error": 2}


def test_a_greedy_failure_is_not_repeated():
    steps, _ = new_steps(max_failures=5)
    engine = SayingEngine(TOKENIZER, written_in_turns(code("1/0")))
    sample_groups(engine, ENCODE, steps, [PROBLEM], 1, 400, seed=0, temperature=0.0)
    assert len(engine.asked) == 1


def test_the_token_limit_counts_what_was_sampled_and_nothing_that_was_observed():
    step = code("print('x'*150)")
    size = len(ENCODE(step))
    steps, _ = new_steps()
    engine = SayingEngine(TOKENIZER, lambda before, seed: (step, Finish.STOP))
    writer = StepWriter(engine, steps)
    ((one,),) = writer.write([WriteRequest(ENCODE("p"), (), 1, Sampling(max_tokens=3 * size + 5), 3)])
    assert [len(each.token_ids) for each in one.steps] == [size] * 3
    assert one.tokens == 3 * size + 5 == engine.counts.generated
    assert [asked.sampling.max_tokens for asked in engine.asked] == [3 * size + 5, 2 * size + 5, size + 5, 5]
    assert one.dodged


def test_outputs_are_cut_and_cannot_smuggle_tokens():
    steps, _ = new_steps(max_output=20)
    end, pad = TOKENIZER.eos_token_id, TOKENIZER.pad_token_id
    text, ids = steps.observe(f"{TOKENIZER.eos_token} {TOKENIZER.pad_token} and on and on")
    assert text == ">>> <|end|> <|pad|> and \n".replace("and \n", "and\n")
    assert not {end, pad} & set(ids)
    assert TOKENIZER.decode(list(ids)) == text
    assert steps.observe("  \n") == ("", ())
    assert "\udc80" not in steps.observe("a\udc80b")[0]


def test_max_steps_bounds_a_continuation():
    steps, _ = new_steps()
    proposer = PolicyProposer(SayingEngine(TOKENIZER, lambda before, seed: (code("a=1"), Finish.STOP)), ENCODE, steps)
    (answer,) = proposer.propose([ProposeRequest(0, PROBLEM, (Step(code("b=2"), ENCODE(code("b=2"))),), 2, 3, 7)])
    assert [len(continuation) for continuation in answer] == [3, 3]


MENU = [
    code("a=1"),
    code("print('out', 1)"),
    code("print(1)", "print(2)"),
    code("a=undefined"),
    final_line("12"),
    "no end",
    code("print('é')"),
]


def menu(before: str, seed: int) -> tuple[str, Finish]:
    """Anything, decided by the seed and by what stands there."""
    text = MENU[np.random.default_rng((seed, len(before))).integers(len(MENU))]
    return text, Finish.STOP if text.endswith(STEP_END) else Finish.END if "answer" in text else Finish.LENGTH


def requests(seed: int, prefix: tuple[Step, ...] = ()) -> list[WriteRequest]:
    sampling = Sampling(max_tokens=300)
    return [
        WriteRequest(ENCODE(f"problem {n}\n"), prefix, 3, sampling, seed + 100 * n, [None, 1, 2][n]) for n in range(3)
    ]


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6), most=st.integers(1, 3))
def test_joined_steps_and_observations_are_what_the_engine_was_fed(seed, most):
    steps, _ = new_steps(max_failures=most)
    engine = SayingEngine(TOKENIZER, menu)
    asked = requests(seed)
    for request, answer in zip(asked, StepWriter(engine, steps).write(asked), strict=True):
        fed = {one.prompt_ids for one in engine.asked}
        for one in answer:
            for end in range(1, len(one.steps)):
                assert request.prompt_ids + joined(one.steps[:end]) in fed
            for step in one.with_flaw:
                assert len(step.logprobs) == len(step.token_ids) > 0
                assert bool(step.observation) == bool(step.observation_ids)
            if one.flaw is not None:
                assert request.prompt_ids + joined(one.steps) in fed
    assert sum(one.tokens for answer in [StepWriter(engine, steps).write(asked)] for a in answer for one in a) * 2 == (
        engine.counts.generated
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6))
def test_streamed_paths_are_those_of_a_batch(seed):
    """Whatever the order in which answers come."""
    batch = StepWriter(SayingEngine(TOKENIZER, menu), new_steps(max_failures=2)[0]).write(requests(seed))
    streaming = StepWriter(SayingEngine(TOKENIZER, menu), new_steps(max_failures=2)[0])
    for ticket, request in enumerate(requests(seed)):
        streaming.submit(ticket, request)
    found: dict = {}
    while len(found) < 3:
        found |= dict(streaming.receive())
    assert [found[ticket] for ticket in range(3)] == batch


def test_all_unfinished_paths_take_their_turn_together():
    steps, _ = new_steps()
    engine = SayingEngine(TOKENIZER, written_in_turns(code("a=1"), code("a=2"), final_line("1")))
    StepWriter(engine, steps).write(
        [WriteRequest(ENCODE(text), (), 2, Sampling(max_tokens=300), 1) for text in ("a", "b")]
    )
    assert engine.waves == [2, 4, 4]  # two requests of two rows, then every path by itself


@settings(max_examples=60)
@given(seed=st.integers(0, 10**6))
def test_masks_leave_out_the_observations_exactly(seed):
    steps, _ = new_steps()
    (answer, *_) = StepWriter(SayingEngine(TOKENIZER, menu), steps).write(requests(seed))
    for one in answer:
        path = Trajectory("p", tuple(range(len(one.with_flaw))), one.with_flaw, (0.0,) * len(one.with_flaw))
        (row,) = text_rows(Group(PROBLEM, (path,)), ENCODE)
        assert [row.ids[place] for place in row.learned_places()] == list(path.token_ids)
        assert row.learned == len(path.token_ids) == step_ends(path)[-1]
        given_ids = [row.target_ids[place] for start, end in row.given for place in range(start, end)]
        assert TOKENIZER.decode(given_ids) == "".join(step.observation for step in path.steps)
        assert row.given == observed(path.steps)


def test_credit_and_loss_rows_hold_sampled_tokens_alone():
    one, *_ = whole(code("print(3*4)"), final_line("12"))
    group = Group(PROBLEM, (one,))
    (member,) = members(group)
    assert member.tokens == len(one.token_ids)
    (row,) = credited(group, [np.arange(member.tokens, dtype=float)], ENCODE).rows
    assert len(row.advantages) == len(row.engine) == row.row.learned
    assert len(row.row.target_ids) == row.row.learned + len(one.steps[0].observation_ids)
