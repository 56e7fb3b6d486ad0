"""Problems from rows of the public shapes: MATH, AIME, TRL's prompts, verl's parquet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks.answers import AnswerType
from tasks.errors import DataError, UserError
from tasks.problem import Outcome, Split
from tasks.reader import read_rows
from tasks.readers.jsonl import JsonlConfig, RowForm, load_jsonl
from tasks.splits import content_hash

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
MATH = {
    "problem": "What is $\\frac12+\\frac14$?",
    "solution": "A half is two quarters, so it is $\\boxed{\\frac{3}{4}}$.",
    "answer": "\\frac{3}{4}",
    "subject": "Prealgebra",
    "level": 2,
    "unique_id": "test/prealgebra/1.json",
}


MATHS = {"name": "math", "form": RowForm.MATH, "answer_type": AnswerType.LATEX}


def write(path: Path, *rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def problems(task) -> list:
    return [problem for split in Split for problem in task.problems(split, 10**6)]


def test_a_math_row_is_a_problem_whose_own_solution_is_right(tmp_path):
    task = load_jsonl(JsonlConfig(**MATHS, path=write(tmp_path / "math.jsonl", MATH)))
    (problem,) = problems(task)
    assert (problem.id, problem.answer) == ("math/test/prealgebra/1.json", "\\frac{3}{4}")
    assert problem.meta == {"subject": "Prealgebra", "level": 2}
    assert task.verifier.verify(problem, MATH["solution"]).outcome is Outcome.CORRECT
    assert task.verifier.verify(problem, "\\boxed{0.75}").outcome is Outcome.CORRECT
    assert task.verifier.verify(problem, "\\boxed{0.7500001}").outcome is Outcome.WRONG


def test_the_original_rows_have_their_answer_in_the_solution_only(tmp_path):
    row = {name: MATH[name] for name in ("problem", "solution")} | {"level": "Level 5", "type": "Algebra"}
    (problem,) = problems(load_jsonl(JsonlConfig(**MATHS, path=write(tmp_path / "math.jsonl", row))))
    assert (problem.answer, problem.meta) == ("\\frac{3}{4}", {"level": 5, "type": "Algebra"})
    assert problem.id == f"math/{content_hash(problem.prompt)}"


def test_a_solution_without_its_answer_gets_it_at_the_end(tmp_path):
    rows = [{"problem": f"p{number}", "solution": "Think.", "answer": number} for number in range(20)]
    task = load_jsonl(
        JsonlConfig(**MATHS | {"answer_type": AnswerType.INTEGER}, path=write(tmp_path / "math.jsonl", *rows))
    )
    shown = task.demonstrations(20)
    assert shown
    for each in shown:
        assert each.solution == f"Think.\n\\boxed{{{each.problem.answer}}}"


@pytest.mark.parametrize(
    "row", [{"problem": "p"}, {"problem": "p", "solution": "none"}, {"problem": "p", "answer": []}]
)
def test_a_math_row_without_an_answer_is_named(tmp_path, row):
    with pytest.raises(DataError, match=r"math\.jsonl:1: .*'answer'"):
        load_jsonl(JsonlConfig(**MATHS, path=write(tmp_path / "math.jsonl", row)))


@pytest.mark.skipif(not SHARED.is_dir(), reason="shared/data is not here")
def test_real_math_and_aime_rows_load(tmp_path):
    for name, count, kind in (("math500", 500, AnswerType.LATEX), ("aime24", 30, AnswerType.INTEGER)):
        task = load_jsonl(JsonlConfig(**MATHS | {"answer_type": kind}, path=str(SHARED / f"{name}.jsonl")))
        assert len(problems(task)) + len(task.set_aside) == count
        assert not task.set_aside


VERL = {
    "data_source": "openai/gsm8k",
    "prompt": [{"role": "user", "content": "1 + 1?"}],
    "ability": "math",
    "reward_model": {"style": "rule", "ground_truth": "2"},
    "extra_info": {"index": 0, "split": "train"},
}


def test_verl_rows_are_read_from_parquet_and_from_json_lines_alike(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="the extra [data] is not installed")
    from pyarrow import parquet

    other = {**VERL, "prompt": [{"role": "user", "content": "2 + 2?"}], "reward_model": {"ground_truth": "4"}}
    rows = [VERL, {**other, "reward_model": {"style": "rule", "ground_truth": "4"}}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "train.parquet")
    assert list(read_rows(tmp_path / "train.parquet")) == list(enumerate(rows, start=1))
    paths = str(tmp_path / "train.parquet"), write(tmp_path / "train.jsonl", *rows)
    from_parquet, from_lines = (problems(load_jsonl(JsonlConfig(form=RowForm.VERL, path=path))) for path in paths)
    assert from_parquet == from_lines
    by_answer = {problem.answer: problem for problem in from_parquet}
    assert by_answer["2"].prompt == "1 + 1?\n"
    assert by_answer["2"].meta == {name: VERL[name] for name in ("data_source", "ability", "extra_info")}


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra [data] is not installed")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but not really")
    with pytest.raises(DataError, match=r"x\.parquet cannot be read as parquet"):
        list(read_rows(tmp_path / "x.parquet"))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"treeward\[data\]"):
        list(read_rows(tmp_path / "x.parquet"))


def test_trl_prompts_keep_their_other_columns(tmp_path):
    rows = [
        {"prompt": "1 + 1?", "solution": "2", "hint": [1]},
        {"prompt": [{"role": "system", "content": "Add."}, {"role": "user", "content": "2 + 2?"}], "solution": 4},
    ]
    task = load_jsonl(JsonlConfig(form=RowForm.TRL, path=write(tmp_path / "trl.jsonl", *rows), answer_field="solution"))
    found = {problem.answer: problem for problem in problems(task)}
    assert (found["2"].prompt, found["2"].meta) == ("1 + 1?\n", {"hint": [1]})
    assert (found["4"].prompt, found["4"].meta) == ("Add.\n2 + 2?\n", {})


@pytest.mark.parametrize(
    ("form", "row", "sentence"),
    [
        (RowForm.TRL, {"prompt": "p"}, "'answer' is missing"),
        (RowForm.TRL, {"prompt": 3, "answer": "1"}, "'prompt' must be a text or a list"),
        (RowForm.VERL, {**VERL, "reward_model": {}}, "'reward_model.ground_truth' is missing"),
        (RowForm.VERL, {**VERL, "reward_model": {"ground_truth": ["1", "2"]}}, "must hold one answer"),
        (RowForm.VERL, {**VERL, "prompt": [{"role": "user"}]}, "without a text 'content'"),
    ],
)
def test_a_broken_row_is_named(tmp_path, form, row, sentence):
    with pytest.raises(DataError, match=rf"rows\.jsonl:1: .*{sentence}"):
        load_jsonl(JsonlConfig(form=form, path=write(tmp_path / "rows.jsonl", row)))
