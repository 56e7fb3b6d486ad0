"""Answers of public data sets, where they are at hand: each accepts itself and no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.answers import AnswerType, canonical_key, is_readable, judge, read_final_answer
from tasks.problem import Outcome, Split
from tasks.readers.gsm8k import Gsm8kConfig, load_gsm8k

SHARED = Path(__file__).parents[4] / "shared" / "data"
ALL = 10**6


def rows(name: str) -> list[dict]:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"no {name} in {SHARED}")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def check_neighbours(answers: list[str], kind: AnswerType) -> int:
    """Every answer accepts itself and rejects the next one that differs; returns how many are not readable."""
    readable = [answer for answer in answers if is_readable(answer, kind)]
    for answer, neighbour in zip(readable, [*readable[1:], readable[0]], strict=True):
        assert judge(answer, answer, kind).outcome is Outcome.CORRECT
        outcome = judge(neighbour, answer, kind).outcome
        if canonical_key(answer) == canonical_key(neighbour):
            assert outcome is Outcome.CORRECT
        else:
            assert outcome is Outcome.WRONG, (answer, neighbour)
    return len(answers) - len(readable)


@pytest.mark.parametrize("name", ["gsm8k_train.jsonl", "gsm8k_test.jsonl"])
def test_gsm8k(name):
    answers = [row["answer"].rpartition("#### ")[2] for row in rows(name)]
    assert check_neighbours(answers, AnswerType.NUMBER) == 0
    assert check_neighbours(answers, AnswerType.INTEGER) == 0
    task = load_gsm8k(Gsm8kConfig(path=str(SHARED / name)))
    assert task.set_aside == []
    for split in Split:
        for problem in task.problems(split, ALL):
            assert task.verifier.verify(problem, f"#### {problem.answer}").reward == 1.0


def test_aime():
    assert check_neighbours([row["answer"] for row in rows("aime24.jsonl")], AnswerType.INTEGER) == 0


def test_math_500():
    pytest.importorskip("math_verify")
    found = rows("math500.jsonl")
    assert check_neighbours([row["answer"] for row in found], AnswerType.LATEX) == 0
    wrong = [
        row["answer"]
        for row in found
        if judge(read_final_answer(row["solution"]) or "", row["answer"], AnswerType.LATEX).outcome
        is not Outcome.CORRECT
    ]
    assert wrong == []  # the worked solutions box their own answers


def test_sampled_solutions_agree_with_the_recorded_scores():
    pytest.importorskip("math_verify")
    judged, disagreements = 0, []
    for row in rows("math_solutions_sampled.jsonl"):
        for solution, score in zip(row["response"], row["score"], strict=True):
            judged += 1
            answer = read_final_answer(solution)
            if answer is None or not is_readable(row["gt"], AnswerType.LATEX):
                is_correct = False
            else:
                is_correct = judge(answer, row["gt"], AnswerType.LATEX).outcome is Outcome.CORRECT
            if is_correct is not score:
                disagreements.append((row["gt"], answer))
    assert judged == 800
    assert disagreements == [("10{,}000", "10000")]  # the record is wrong there (docs/verifiers.md)
