"""New problems from old ones: their answers are right, they are training problems, and say where they come from."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tasks.mix import MixConfig
from tasks.problem import Split
from tasks.registry import build_task, stated, varies
from tasks.splits import split_of
from tasks.suites.chain import ChainConfig
from tasks.suites.countdown import CountdownConfig
from tasks.suites.wordmath import WordmathConfig

CHAIN = ChainConfig(modulus=7, operators="+*", min_length=2, max_length=3)
WORDMATH = WordmathConfig(distractors=0.5, largest_operand=7, largest_value=40)


def varied(task, count=40):
    rng = np.random.default_rng(0)
    return [(problem, task.vary(problem, rng)) for problem in task.problems(Split.TRAIN, count)]


def came_to(prompt):
    """What a chain comes to, by a reading of its own."""
    text, modulus = prompt.split(" mod ")
    first, *rest = text.split(" ")
    value = int(first)
    for operation in rest:
        value = (value + int(operation[1:]) if operation[0] == "+" else value * int(operation[1:])) % int(modulus)
    return str(value)


@pytest.mark.parametrize("config", [CHAIN, WORDMATH])
def test_a_variation_is_another_training_problem_with_its_own_right_answer(config):
    task = build_task(config)
    answers = []
    for problem, new in varied(task):
        assert new.prompt != problem.prompt
        assert split_of(new.prompt) is Split.TRAIN
        assert new.meta == {"level": problem.meta["level"], "varied_from": problem.id}
        assert new.id.startswith(f"{problem.id}~")
        assert task.verifier.verify(new, stated(task, new.answer)).reward == 1.0
        answers.append(new.answer != problem.answer)
    assert any(answers)


def test_the_answer_of_a_varied_chain_is_worked_out_anew():
    for problem, new in varied(build_task(CHAIN)):
        assert new.answer == came_to(new.prompt)
        assert sum(a != b for a, b in zip(problem.prompt.split(), new.prompt.split(), strict=True)) == 1
        assert not set("-") & set(new.prompt)


def test_a_varied_story_has_one_other_number_and_keeps_to_the_limits():
    task = build_task(WORDMATH)
    oracle = task.oracle
    for problem, new in varied(task):
        old, own = (re.findall(r"[0-9]+", each.prompt) for each in (problem, new))
        assert sum(a != b for a, b in zip(old, own, strict=True)) == 1
        assert re.sub(r"[0-9]+", "0", new.prompt) == re.sub(r"[0-9]+", "0", problem.prompt)
        assert {2 <= int(number) <= 7 for number in own} == {True}
        story = task.read(new.prompt)
        assert 1 <= min(story.values) <= max(story.values) <= 40
        worked = build_task(WordmathConfig(misconceived_facts=0.0)).solution(story, np.random.default_rng(0))
        assert oracle.first_error(new, worked.split("\n")) == -1
        assert worked.endswith(f"#### {new.answer}")


def test_the_same_seed_makes_the_same_variations():
    task = build_task(WORDMATH)
    assert varied(task, 5) == varied(task, 5)


def test_a_mix_varies_the_problems_of_the_parts_that_can():
    mix = build_task(MixConfig(parts={"sums": CHAIN, "game": CountdownConfig()}))
    found = {problem.meta["mix_part"]: new for problem, new in varied(mix, 4)}
    assert found["game"] is None
    assert found["sums"].id.startswith("sums/chain/0/train-")
    assert found["sums"].meta["mix_part"] == "sums"
    assert found["sums"].meta["varied_from"].startswith("sums/chain/0/train-")
    assert mix.verifier.verify(found["sums"], f"#### {found['sums'].answer}").reward == 1.0
    assert (varies(mix), varies(build_task(CountdownConfig()))) == (True, False)
