"""Cutting a generation into steps loses no token and invents none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcts.step import joined
from policy.config import StepFormatConfig
from policy.engine import Finish, GenerateRequest, Generation, Sampling
from policy.hf_engine import HfEngine
from policy.step_format import TextSteps

PIECES = ["a", "\n", "\n\n", ";", ";;", "#### ", "12", "é", " ", "b ", "\t"]


def generation(tokenizer, text: str, finish: Finish) -> Generation:
    ids = tuple(tokenizer.encode(text, add_special_tokens=False))
    ids += (tokenizer.eos_token_id,) if finish is Finish.END else ()
    return Generation(ids, tuple(-0.1 * n for n in range(len(ids))), finish)


def texts(steps) -> list[str]:
    return [step.text for step in steps]


def check(tokenizer, delimiter: str, given_: Generation) -> None:
    format_ = TextSteps(StepFormatConfig(delimiter=delimiter), tokenizer)
    steps = format_.split(given_)
    ids = joined(steps)
    assert ids == given_.token_ids[: len(ids)]
    assert tuple(value for step in steps for value in step.logprobs) == given_.logprobs[: len(ids)]
    assert all(step.token_ids for step in steps)
    assert [step.text for step in steps] == [format_.text(step.token_ids) for step in steps]
    for step in steps[:-1]:  # in the middle: not final, and the delimiter comes with the very last token
        assert not step.is_final
        assert not format_.dodges(step)
        assert delimiter not in format_.text(step.token_ids[:-1])
    if ids != given_.token_ids:
        assert steps[-1].is_final  # only what follows a final step is dropped
    if steps[-1].is_final and not steps[-1].text.lstrip().startswith("####"):
        assert given_.finish is Finish.END
        assert ids == given_.token_ids
    assert not (format_.dodges(steps[-1]) and steps[-1].is_final)


@given(
    text=st.lists(st.sampled_from(PIECES), min_size=1, max_size=20).map("".join),
    finish=st.sampled_from(list(Finish)),
    delimiter=st.sampled_from(["\n", "\n\n", ";;", "é"]),
)
def test_joined_steps_are_the_identical_tokens(characters, bpe, text, finish, delimiter):
    for tokenizer in (characters, bpe):
        check(tokenizer, delimiter, generation(tokenizer, text, finish))


@pytest.fixture(scope="module")
def drawn(bpe, narrow):
    """Generations that no encoding would give: tokens as a model draws them."""
    whole = [token for token in range(2, len(bpe)) if set(bpe.decode([token])) <= set("ab;\n# 1")]
    model = narrow(bpe, [*whole, bpe.eos_token_id])
    requests = [GenerateRequest((5, 6), 24, Sampling(max_tokens=24), seed) for seed in range(2)]
    return [generation for answer in HfEngine(model, bpe).generate(requests) for generation in answer]


@pytest.mark.parametrize("delimiter", ["\n", "\n\n", ";;"])
def test_sampled_tokens_survive_though_their_text_would_be_encoded_otherwise(bpe, drawn, delimiter):
    for one in drawn:
        check(bpe, delimiter, one)
    text = [TextSteps(StepFormatConfig(), bpe).text(one.token_ids) for one in drawn]
    assert any(
        tuple(bpe.encode(read, add_special_tokens=False)) != one.token_ids
        for read, one in zip(text, drawn, strict=True)
    )


def test_lines_are_steps(characters):
    steps = TextSteps(StepFormatConfig(), characters).split(generation(characters, "one\ntwo\nthr", Finish.LENGTH))
    assert texts(steps) == ["one\n", "two\n", "thr"]
    assert [step.is_final for step in steps] == [False] * 3


def test_the_marker_ends_the_solution_and_the_rest_is_dropped(characters):
    format_ = TextSteps(StepFormatConfig(), characters)
    steps = format_.split(generation(characters, "one\n #### 5\nmore\n#### 6\n", Finish.LENGTH))
    assert texts(steps) == ["one\n", " #### 5\n"]
    assert [step.is_final for step in steps] == [False, True]


def test_a_marker_inside_a_step_or_cut_off_is_not_final(characters):
    format_ = TextSteps(StepFormatConfig(), characters)
    assert not format_.split(generation(characters, "see #### 5\n", Finish.STOP))[0].is_final
    (cut,) = format_.split(generation(characters, "#### 5", Finish.LENGTH))  # "#### 57" was perhaps on its way
    assert not cut.is_final
    assert format_.dodges(cut)


def test_the_end_token_ends_the_solution_and_is_no_text(characters):
    format_ = TextSteps(StepFormatConfig(), characters)
    found = generation(characters, "one\ntwo", Finish.END)
    steps = format_.split(found)
    assert texts(steps) == ["one\n", "two"]
    assert [step.is_final for step in steps] == [False, True]
    assert joined(steps) == found.token_ids
    assert not format_.dodges(steps[-1])
    (empty,) = format_.split(generation(characters, "", Finish.END))
    assert (empty.text, empty.is_final, len(empty.token_ids)) == ("", True, 1)


def test_only_a_step_without_delimiter_or_end_dodges(characters):
    format_ = TextSteps(StepFormatConfig(delimiter=";;"), characters)
    steps = format_.split(generation(characters, "a;;\nb;", Finish.LENGTH))
    assert texts(steps) == ["a;;", "\nb;"]
    assert [format_.dodges(step) for step in steps] == [False, True]
