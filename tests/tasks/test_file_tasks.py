from __future__ import annotations

import ast
import json
import operator
import re
from fractions import Fraction
from pathlib import Path

import pytest

from tasks.answers import AnswerType
from tasks.errors import DataError, UserError
from tasks.problem import Split
from tasks.readers.gsm8k import Gsm8kConfig, SolutionStyle, load_gsm8k
from tasks.readers.jsonl import JsonlConfig, load_jsonl

SHIPPED = Path(__file__).parents[1] / "data" / "gsm8k_shaped.jsonl"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
ALL = 10**6
OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def write(path: Path, *rows: dict | str) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return str(path)


def row(number: int, answer: str | None = None) -> dict:
    worked = f"There are {number} + 1 = <<{number}+1={number + 1}>>{number + 1} frogs.\n#### {number + 1}"
    return {"question": f"One frog joins {number} frogs. How many?", "answer": answer or worked}


def everything(task) -> dict:
    return {problem.id: problem for split in Split for problem in task.problems(split, ALL)}


def value_of(expression: str) -> Fraction:
    def walk(node: ast.expr) -> Fraction:
        if isinstance(node, ast.BinOp):
            return OPERATIONS[type(node.op)](walk(node.left), walk(node.right))
        assert isinstance(node, ast.Constant)
        return Fraction(str(node.value))

    return walk(ast.parse(expression, mode="eval").body)


def test_the_shipped_rows_are_right():
    for line in SHIPPED.read_text("utf-8").splitlines():
        answer = json.loads(line)["answer"]
        annotations = re.findall(r"<<(.*?)=(.*?)>>(\S*)", answer)
        for expression, result, shown in annotations:
            assert value_of(expression) == Fraction(result), line
            assert shown.rstrip(".") == result, line
        assert annotations[-1][1] == answer.rpartition("#### ")[2].replace(",", ""), line


@pytest.mark.parametrize("style", SolutionStyle)
def test_shipped_rows_give_problems_whose_demonstrations_score_1(style):
    task = load_gsm8k(Gsm8kConfig(path=str(SHIPPED), solution=style))
    assert task.set_aside == []
    assert len(everything(task)) == len(SHIPPED.read_text("utf-8").splitlines())
    assert all(task.problems(split, ALL) for split in Split)
    shown = task.demonstrations(ALL)
    assert [demonstration.problem for demonstration in shown] == task.problems(Split.TRAIN, ALL)
    for demonstration in shown:
        problem = demonstration.problem
        assert task.verifier.verify(problem, demonstration.solution).reward == 1.0
        assert problem.prompt.endswith("\n")
        assert problem.prompt.count("\n") == 1
        assert "<<" not in demonstration.solution
        if style is SolutionStyle.EQUATIONS:
            assert demonstration.solution.count("\n") == problem.meta["level"]


def test_the_two_styles_of_a_solution(tmp_path):
    rows = [
        {
            "question": "How  many\nclips? ",
            "answer": "Half is 4800/2 = $<<4800/2=2400>>2400.\n\nBoth: <<4800+2400=7200>>7200 \n#### 7,200",
        }
    ]
    path = write(tmp_path / "a.jsonl", *rows)
    lines = load_gsm8k(Gsm8kConfig(path=path, held_out_path=None))
    equations = load_gsm8k(Gsm8kConfig(path=path, solution=SolutionStyle.EQUATIONS))
    problem = next(iter(everything(lines).values()))
    assert (problem.prompt, problem.answer, problem.meta) == ("How many clips?\n", "7200", {"level": 2})
    assert lines._solutions[problem.id] == "Half is 4800/2 = $2400.\nBoth: 7200\n#### 7200"
    assert equations._solutions[problem.id] == "4800/2=2400\n4800+2400=7200\n#### 7200"


def test_rows_that_cannot_be_used_are_set_aside_with_their_line(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        row(1),
        row(2, "Some <<1+1=2>>2 frogs.\n#### many"),
        "",
        row(1, "Again <<1+2=3>>3.\n#### 3"),
        row(3, "No annotation.\n#### 4"),
        row(4, "Badly placed commas <<1+2=3>>3.\n#### 1,2"),
    )
    task = load_gsm8k(Gsm8kConfig(path=path, solution=SolutionStyle.EQUATIONS))
    assert [number for number, _ in task.set_aside] == [2, 4, 5, 6]
    reasons = [reason for _, reason in task.set_aside]
    assert reasons[0] == "a.jsonl: the answer 'many' cannot be read as number"
    assert reasons[1] == "a.jsonl: the same question is at line 1"
    assert "annotation" in reasons[2]
    assert "'1,2'" in reasons[3]
    assert [problem.answer for problem in everything(task).values()] == ["2"]  # the first of equal questions
    assert [number for number, _ in load_gsm8k(Gsm8kConfig(path=path)).set_aside] == [2, 4, 6]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ('{"question": "a"', "not a line of UTF-8 JSON"),
        ("[]", "JSON object"),
        ({"question": "a"}, "the field 'answer' must be a text, but it is missing"),
        ({"answer": "#### 4"}, "the field 'question' must be a text, but it is missing"),
        ({"question": " ", "answer": "#### 4"}, "'question'"),
        ({"question": 5, "answer": "#### 4"}, "but it is '5'"),
        ({"question": "a", "answer": 4}, "'answer'"),
        ({"question": "a", "answer": "4"}, "must end in one line '#### n'"),
        ({"question": "a", "answer": "#### 4\nindeed"}, "must end in one line"),
        ({"question": "a", "answer": "#### 4\n#### 4"}, "must end in one line"),
    ],
)
def test_a_malformed_row_stops_the_reading_with_file_and_line(tmp_path, bad, told):
    path = write(tmp_path / "a.jsonl", row(1), bad)
    with pytest.raises(DataError) as caught:
        load_gsm8k(Gsm8kConfig(path=path))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (Gsm8kConfig(), r"task\.path is empty.*task\.path=FILE"),
        (JsonlConfig(path="none.jsonl"), r"task\.path=none\.jsonl: there is no such file"),
        (Gsm8kConfig(path=str(SHIPPED), held_out_path="none"), r"task\.held_out_path=none"),
    ],
)
def test_a_missing_path_names_the_option(config, told):
    with pytest.raises(UserError, match=told):
        (load_gsm8k if isinstance(config, Gsm8kConfig) else load_jsonl)(config)


def test_a_file_without_a_usable_problem_is_told(tmp_path):
    path = write(tmp_path / "a.jsonl", {"problem": "Colour?", "answer": "blue"})
    with pytest.raises(DataError, match=r"no usable problem .*'blue'"):
        load_jsonl(JsonlConfig(path=path))
    with pytest.raises(DataError, match="no usable problem"):
        load_jsonl(JsonlConfig(path=write(tmp_path / "empty.jsonl")))


def test_the_split_of_a_question_follows_from_its_text_and_the_order_from_the_seed(tmp_path):
    path = write(tmp_path / "a.jsonl", *(row(number) for number in range(300)))
    backwards = write(tmp_path / "b.jsonl", *(row(number) for number in reversed(range(150))))
    one, other = load_gsm8k(Gsm8kConfig(path=path)), load_gsm8k(Gsm8kConfig(path=backwards, seed=1))
    for split in Split:
        ids = {problem.id for problem in one.problems(split, ALL)}
        assert {problem.id for problem in other.problems(split, ALL)} == ids & set(everything(other))
        order = [problem.id for problem in load_gsm8k(Gsm8kConfig(path=path, seed=1)).problems(split, ALL)]
        assert order != [problem.id for problem in one.problems(split, ALL)]
        assert set(order) == ids
    assert len(everything(one)) == 300
    # 8 / 1 / 1 within four standard deviations of a binomial.
    assert abs(len(one.problems(Split.TRAIN, ALL)) - 240) < 4 * (300 * 0.16) ** 0.5
    assert abs(len(one.problems(Split.HELD_OUT, ALL)) - 30) < 4 * (300 * 0.09) ** 0.5


def test_more_problems_start_with_the_same_ones_and_a_request_may_exceed_the_file():
    task = load_gsm8k(Gsm8kConfig(path=str(SHIPPED), seed=9))
    assert task.problems(Split.TRAIN, 20)[:5] == task.problems(Split.TRAIN, 5)
    assert task.demonstrations(20)[:5] == task.demonstrations(5)
    assert len(task.problems(Split.VALIDATION, ALL)) < 50
    with pytest.raises(ValueError, match="negative"):
        task.problems(Split.TRAIN, -1)


def test_held_out_problems_come_wholly_from_their_own_file(tmp_path):
    path = write(tmp_path / "train.jsonl", *(row(number) for number in range(100)))
    held_out = write(tmp_path / "test.jsonl", *(row(number) for number in range(90, 130)))
    task = load_gsm8k(Gsm8kConfig(path=path, held_out_path=held_out))
    assert len(task.problems(Split.HELD_OUT, ALL)) == 40
    train, validation = (task.problems(split, ALL) for split in (Split.TRAIN, Split.VALIDATION))
    assert len(train) + len(validation) == 90
    assert validation
    # Questions of the held-out file are taken out of the training file, and listed.
    assert [number for number, _ in task.set_aside] == list(range(91, 101))
    assert task.set_aside[0][1] == f"train.jsonl: the same question is at line 1 of {held_out}"
    held_out_ids = {problem.id for problem in task.problems(Split.HELD_OUT, ALL)}
    assert not held_out_ids & {shown.problem.id for shown in task.demonstrations(ALL)}


def test_plain_rows(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        {"problem": "A?\nB?", "answer": 3, "id": "first", "level": 5, "solution": "It is 3."},
        {"question": "C?", "answer": "1/2", "id": 7, "solution": "So \\boxed{0.5}"},
        {"problem": "D?", "question": "D?", "answer": 0.25},
    )
    task = load_jsonl(JsonlConfig(path=path, name="mine"))
    found = everything(task)
    assert {problem.prompt: problem.answer for problem in found.values()} == {
        "A?\nB?\n": "3",
        "C?\n": "1/2",
        "D?\n": "0.25",
    }
    assert {"mine/first", "mine/7"} < set(found)
    assert found["mine/first"].meta == {"level": 5}
    assert task._solutions == {"mine/first": "It is 3.\n#### 3", "mine/7": "So \\boxed{0.5}"}
    assert {shown.problem.id for shown in task.demonstrations(ALL)} == {
        problem.id for problem in task.problems(Split.TRAIN, ALL) if problem.id in task._solutions
    }


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({"answer": 3}, "'question' must be a text, but it is missing"),
        ({"problem": "E?", "question": "F?", "answer": 3}, "differ"),
        ({"problem": "E?"}, "'answer' must be a text, but it is missing"),
        ({"problem": "E?", "answer": True}, "'answer'"),
        ({"problem": "E?", "answer": [3]}, "'answer'"),
        ({"problem": "E?", "answer": 3, "solution": 5}, "'solution'"),
        ({"problem": "E?", "answer": 3, "id": "x"}, "the id of 'jsonl/x' is taken by"),
    ],
)
def test_malformed_plain_rows(tmp_path, bad, told):
    path = write(tmp_path / "a.jsonl", {"problem": "D?", "answer": 1, "id": "x"}, bad)
    with pytest.raises(DataError) as caught:
        load_jsonl(JsonlConfig(path=path))
    assert str(caught.value).startswith(f"{path}:2: ")
    assert told in str(caught.value)


@pytest.mark.skipif(not (SHARED / "gsm8k_train.jsonl").is_file(), reason=f"no GSM8K in {SHARED}")
@pytest.mark.parametrize("style", SolutionStyle)
def test_real_gsm8k(style):
    task = load_gsm8k(Gsm8kConfig(path=str(SHARED / "gsm8k_train.jsonl"), solution=style))
    found = everything(task)
    assert len(found) + len(task.set_aside) + len(task.overlaps) == 7473
    if style is SolutionStyle.LINES:
        assert task.set_aside == []
    else:
        assert len(task.set_aside) == 95  # the rows without any annotation
        assert all("annotation" in reason for _, reason in task.set_aside)
    for problem in found.values():
        assert task.verifier.verify(problem, f"#### {problem.answer}").reward == 1.0
    shown = task.demonstrations(ALL)
    assert len(shown) == len(task.problems(Split.TRAIN, ALL)) > 5500
    for demonstration in shown:
        assert task.verifier.verify(demonstration.problem, demonstration.solution).reward == 1.0
        assert "<<" not in demonstration.solution


def test_answers_are_read_as_the_kind_that_the_task_names(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        {"problem": "Which are even?", "answer": "{2, 4}", "solution": "#### 4, 2"},
        {"problem": "Which are odd?", "answer": "{1, ;; ((("},
    )
    task = load_jsonl(JsonlConfig(path=path, answer_type=AnswerType.SET))
    (problem,) = everything(task).values()
    assert task.set_aside == [(2, "a.jsonl: the answer '{1, ;; (((' cannot be read as set")]
    assert task.verifier.verify(problem, "#### {4, 2}").reward == 1.0
    assert task.verifier.verify(problem, "#### 2").reward == 0.0


def test_a_tolerance_needs_numbers(tmp_path):
    path = write(tmp_path / "a.jsonl", {"problem": "Which are even?", "answer": "{2, 4}"})
    with pytest.raises(UserError, match=r"task\.tolerance=0\.1 .*task\.answer_type=set"):
        load_jsonl(JsonlConfig(path=path, answer_type=AnswerType.SET, tolerance=0.1))
