"""A mix asks each problem's own part, in proportion to the weights, and always begins with the same problems."""

from __future__ import annotations

from collections import Counter

import pytest

from tasks.errors import UserError
from tasks.mix import MixConfig, part_of
from tasks.problem import Split
from tasks.readers.jsonl import JsonlConfig
from tasks.registry import build_task, rejected_answers
from tasks.suites.chain import ChainConfig
from tasks.suites.rewrite import RewriteConfig


def mix(**weights):
    return build_task(MixConfig(parts={"sums": ChainConfig(), "texts": RewriteConfig()}, weights=weights))


def test_parts_come_up_by_their_weights():
    found = mix(sums=3.0).problems(Split.TRAIN, 40)
    assert Counter(map(part_of, found)) == {"sums": 30, "texts": 10}
    for count in (1, 4, 17):
        here = Counter(map(part_of, found[:count]))
        assert abs(here["sums"] - 0.75 * count) < 1
    assert mix(sums=3.0).problems(Split.TRAIN, 7) == found[:7]
    assert len({problem.id for problem in found}) == 40


def test_each_problem_is_judged_by_its_own_part():
    task = mix()
    problems = task.problems(Split.HELD_OUT, 20)
    assert rejected_answers(task, problems) == []
    for problem in problems:
        part, own = task.own(problem)
        assert own == part.problems(Split.HELD_OUT, 20)[int(own.id.rsplit("-", 1)[1])]
        assert task.verifier.verify(problem, "#### 99") == part.verifier.verify(own, "#### 99")
    for shown in task.demonstrations(8):
        part, own = task.own(shown.problem)
        steps = shown.solution.split("\n")
        assert task.oracle.step_labels(shown.problem, steps) == part.oracle.step_labels(own, steps)


def test_a_part_that_holds_few_leaves_the_rest_to_the_others(tmp_path):
    rows = "".join(f'{{"problem": "is it {number}?", "answer": {number}}}\n' for number in range(20))
    (tmp_path / "few.jsonl").write_text(rows)
    few = JsonlConfig(path=str(tmp_path / "few.jsonl"))
    task = build_task(MixConfig(parts={"few": few, "sums": ChainConfig()}))
    held = len(build_task(few).problems(Split.TRAIN, 100))
    found = task.problems(Split.TRAIN, 60)
    assert Counter(map(part_of, found)) == {"few": held, "sums": 60 - held}
    assert task.problems(Split.TRAIN, 10) == found[:10]
    assert task.oracle is None
    assert rejected_answers(task, found) == []


@pytest.mark.parametrize("weights", [(1, 1), (4, 1, 1, 1, 1), (7, 2, 1), (0.5, 0.3, 0.2), (10, 1, 1, 1, 1, 1, 1)])
@pytest.mark.parametrize("few", [False, True])
def test_asking_for_more_always_begins_with_the_same_ones(weights, few, tmp_path):
    rows = "".join(f'{{"problem": "is it {number}?", "answer": {number}}}\n' for number in range(10))
    (tmp_path / "few.jsonl").write_text(rows)
    parts = {f"p{place}": ChainConfig(seed=place) for place in range(len(weights))}
    if few:
        parts["p0"] = JsonlConfig(path=str(tmp_path / "few.jsonl"))
    task = build_task(MixConfig(parts=parts, weights=dict(zip(parts, weights, strict=True))))
    most = task.problems(Split.TRAIN, 60)
    assert len(most) == 60
    for count in range(60):
        assert task.problems(Split.TRAIN, count) == most[:count]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (MixConfig(), "task.parts is empty"),
        (MixConfig(parts={"a b": ChainConfig()}), "a part's name is letters"),
        (MixConfig(parts={"a": MixConfig()}), "task.parts.a|task.parts is empty"),
        (MixConfig(parts={"a": ChainConfig()}, weights={"b": 1.0}), "task.weights.b: there is no such part"),
        (MixConfig(parts={"a": ChainConfig()}, weights={"a": 0.0}), "task.weights.a must be a number above 0"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(config, message):
    with pytest.raises(UserError, match=message):
        build_task(config)
