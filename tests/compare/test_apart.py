"""What comes from outside a task is no problem that the task's files judge on."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from compare.arms.apart import judged_on
from compare.arms.reward_model import preferred_nodes
from compare.arms.teacher import _of_file
from tasks.errors import UserError
from tasks.problem import Split
from tasks.readers.jsonl import JsonlConfig, load_jsonl
from tasks.registry import build_task
from tasks.splits import split_of
from tasks.suites.chain import ChainConfig

LONG = "a baker sells twelve loaves at three coins each and five cakes at seven coins each on"


def of_training(text):
    """The text with a number behind it that makes its hash one of a training problem."""
    return next(found for n in range(99) if split_of((found := f"{text} {n}") + "\n") is Split.TRAIN)


TEST, WORDY, NEW = of_training("What is 2 + 3?"), of_training(LONG), of_training("What is 4 + 4?")
LIKE = of_training(f"{LONG} monday")


@pytest.fixture
def course(tmp_path):
    """Of a task whose held-out problems stand in a file of their own."""
    rows = {"path": [f"Say {n}!" for n in range(40)], "held_out_path": [TEST, WORDY]}
    paths = {name: str(tmp_path / f"{name}.jsonl") for name in rows}
    for name, questions in rows.items():
        write(tmp_path / f"{name}.jsonl", [{"question": each, "answer": "5"} for each in questions])
    config = JsonlConfig(**paths)
    tokenizer = SimpleNamespace(eos_token_id=0, encode=lambda text, **_: list(text.encode()))
    policy = SimpleNamespace(encode=lambda text: tuple(text.encode()), tokenizer=tokenizer)
    return SimpleNamespace(
        config=SimpleNamespace(task=config),
        task=load_jsonl(config),
        policy=policy,
        work=SimpleNamespace(name="it"),
        extra={},
    )


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_held_out_question_and_one_like_it_are_judged_on(course):
    assert judged_on(course.task, [f"{each}\n" for each in (TEST, LIKE, NEW)]) == {f"{TEST}\n", f"{LIKE}\n"}
    assert judged_on(build_task(ChainConfig()), [TEST]) == set()


def test_a_teachers_file_loses_them(course, tmp_path):
    rows = [{"question": each, "answer": "5", "solution": "#### 5"} for each in (TEST, LIKE, NEW)]
    found = _of_file(course, write(tmp_path / "taught.jsonl", rows))
    assert [each.problem.prompt for each in found] == [f"{NEW}\n"]
    assert course.extra == {"teacher": {"set_aside": 2}}
    with pytest.raises(UserError, match=r"no solution of a training problem \(2 problems are"):
        _of_file(course, write(tmp_path / "taught.jsonl", rows[:2]))


def test_a_file_of_preferences_loses_them(course, tmp_path):
    rows = [{"prompt": each, "chosen": "5", "rejected": "6"} for each in (TEST, LIKE, NEW)]
    assert len(preferred_nodes(course, write(tmp_path / "pairs.jsonl", rows))) == 1
    assert course.extra == {"pairs": {"set_aside": 2}}
    with pytest.raises(UserError, match="there is no preference on a training problem"):
        preferred_nodes(course, write(tmp_path / "pairs.jsonl", rows[:2]))
