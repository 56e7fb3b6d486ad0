"""``python -m scripts.grade`` from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import evolve.grade_file as grade_file_module
import scripts.grade
from evolve.grade_file import GradeAsked, grade_file, read_items
from evolve.rows_under_way import rows_under_way
from tasks.errors import DataError, UserError

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    {"id": "a", "reference": "7", "completion": "3+4\n#### 7"},
    {"id": 2, "reference": 7, "completion": "#### 8"},
    {"id": "a", "reference": "7", "completion": "seven"},
    {"id": "d", "reference": "7", "answer": 7, "prompt": "3+4?"},
    {"id": "e", "reference": "x", "answer": "7"},
]


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments):
    command = [sys.executable, "-m", "scripts.grade", *map(str, arguments)]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300)


def test_rows_are_graded_in_order(tmp_path):
    data, out = write(tmp_path / "in.jsonl", ROWS), tmp_path / "out.jsonl"
    answer = run("--grader", "number", "--data", data, "--out", out)
    assert answer.returncode == 0, answer.stderr
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == [row["id"] for row in ROWS]
    assert [row["outcome"] for row in rows] == ["correct", "wrong", "unverifiable", "correct", "error"]
    assert [row["reward"] for row in rows] == [1.0, 0.0, 0.0, 1.0, 0.0]
    assert all(row["parts"] == {} for row in rows)
    assert "grading" in answer.stderr
    assert "mean reward     0.4000" in answer.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl", "out.jsonl"]


def test_the_same_bytes_with_workers(tmp_path):
    data = write(tmp_path / "in.jsonl", [row | {"id": f"{row['id']}-{n}"} for n in range(30) for row in ROWS])
    outs = [tmp_path / f"out{workers}.jsonl" for workers in (0, 2)]
    for workers, out in zip((0, 2), outs, strict=True):
        grade_file(GradeAsked("number", data, out, workers=workers, progress=False))
    assert outs[0].read_bytes() == outs[1].read_bytes()
    assert len(outs[0].read_text().splitlines()) == 150


def stopped(monkeypatch, asked, jobs):
    """Grade, and stop as Ctrl-C does behind so many jobs."""
    graded = grade_file_module._graded

    def some(*arguments):
        for number, rows in enumerate(graded(*arguments)):
            if number == jobs:
                raise KeyboardInterrupt
            yield rows

    with monkeypatch.context() as patch:
        patch.setattr(grade_file_module, "_graded", some)
        with pytest.raises(KeyboardInterrupt):
            grade_file(asked)


def test_a_stopped_program_goes_on_in_mid_file_to_the_same_bytes(tmp_path, monkeypatch):
    data = write(tmp_path / "in.jsonl", [row | {"id": f"{row['id']}-{n}"} for n in range(30) for row in ROWS])
    grade_file(GradeAsked("number", data, tmp_path / "whole.jsonl", progress=False))
    out, partial = tmp_path / "out.jsonl", tmp_path / ".out.jsonl.partial"
    asked = GradeAsked("number", data, out, progress=False)
    stopped(monkeypatch, asked, 2)
    assert not out.exists()
    partial.write_bytes(partial.read_bytes() + b'{"id": "torn"')  # as a kill in the middle of a line leaves it
    stopped(monkeypatch, asked, 1)
    summary = grade_file(asked)
    assert (summary.kept, summary.outcomes.total()) == (96, 150)
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    assert not partial.exists()
    assert grade_file(asked).kept == 0


def test_rows_of_something_else_are_not_kept(tmp_path, monkeypatch):
    data = write(tmp_path / "in.jsonl", [row | {"id": f"{row['id']}-{n}"} for n in range(20) for row in ROWS])
    grader = tmp_path / "g.yaml"
    grader.write_text("type: string_check\noperation: eq\n")
    asked = GradeAsked(str(grader), data, tmp_path / "out.jsonl", progress=False)
    stopped(monkeypatch, asked, 2)
    grader.write_text("type: string_check\noperation: ne\n")
    assert grade_file(asked).kept == 0
    stopped(monkeypatch, asked, 2)
    write(data, [row | {"id": n} for n in range(20) for row in ROWS])
    assert grade_file(asked).kept == 0
    stopped(monkeypatch, asked, 2)
    assert grade_file(asked).kept == 64


def test_two_programs_never_write_the_same_file(tmp_path):
    data = write(tmp_path / "in.jsonl", ROWS)
    asked = GradeAsked("number", data, tmp_path / "out.jsonl", progress=False)
    with rows_under_way(asked.out, "mine"), pytest.raises(UserError, match="being written by another process"):
        grade_file(asked)
    assert grade_file(asked).outcomes.total() == 5


BAD = [
    ('{"id": 1, "completion": 5}', ":2: the field 'completion' must be a text, but it is 5"),
    ('{"completion": "x"}', ":2: the field 'id' must be a text or a whole number, but it is missing"),
    ('{"id": true, "completion": "x"}', ":2: the field 'id' must be"),
    ('{"id": 1}', ":2: there must be a field 'completion', or 'answer'"),
    ('{"id": 1, "answer": [1]}', ":2: the field 'answer' must be a text"),
    ('{"id": 1, "answer": 1e999}', ":2: the field 'answer' must be a text"),
    ('{"id": 1, "answer": "1", "reference": 1e999}', ":2: the field 'reference' must be a finite number"),
    ('{"id": 1, "answer": "1", "meta": [1]}', ":2: the field 'meta' must be an object"),
    ("[1]", ":2: a row must be a JSON object"),
    ('{"id": 1, "completion": "\\ud800"}', ":2: not a line of UTF-8 JSON"),
    ("{", ":2: not a line of UTF-8 JSON"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_a_hostile_row_names_line_and_field(tmp_path, line, message):
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": 1, "completion": "#### 1", "reference": "1"}\n' + line + "\n")
    with pytest.raises(DataError) as caught:
        list(read_items(path))
    assert message in str(caught.value)
    with pytest.raises(DataError):
        grade_file(GradeAsked("number", path, tmp_path / "out.jsonl", progress=False))
    assert not (tmp_path / "out.jsonl").exists()


def test_mistakes_end_in_one_sentence_and_exit_code_2(tmp_path, monkeypatch, capsys):
    data = write(tmp_path / "in.jsonl", ROWS)
    (tmp_path / "g.yaml").write_text("type: multi\ngraders: {length: {type: length, max: x}}\n")
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "sum.yaml").write_text("type: reconstruction\n")
    good = {"--grader": "number", "--data": data, "--out": tmp_path / "out.jsonl"}
    for changed, message in [
        ({"--grader": "numbr"}, "did you mean number"),
        ({"--grader": tmp_path / "g.yaml"}, "grader.graders.length.max: must be a whole number"),
        ({"--grader": tmp_path / "sum.yaml"}, "--policy FOLDER"),
        ({"--data": tmp_path / "none.jsonl"}, "none.jsonl cannot be read"),
        ({"--data": tmp_path / "empty.jsonl"}, "there are no rows"),
        ({"--out": data}, "is the data itself"),
        ({"--out": tmp_path / "no/out.jsonl"}, "there is no folder"),
        ({"--workers": "-1"}, "whole number"),
        ({"--sandbox": "none"}, "--sandbox"),
    ]:
        arguments = [str(part) for pair in (good | changed).items() for part in pair]
        monkeypatch.setattr(sys, "argv", ["grade", *arguments])
        with pytest.raises(SystemExit) as ended:
            scripts.grade.main()
        said = capsys.readouterr().err
        assert (ended.value.code, said.count("\n")) == (2, 1), said
        assert message in said
        assert not (tmp_path / "out.jsonl").exists()
    assert run("--grader", "number").returncode == 2


def test_structured_references_and_columns_reach_the_grader(tmp_path):
    rows = [
        {"id": 1, "reference": {"world": "S.G"}, "completion": "#### RR"},
        {"id": 2, "world": "S.G", "completion": "#### R"},
        {"id": 3, "meta": {"world": "S.G"}, "answer": "RR"},
    ]
    out = tmp_path / "out.jsonl"
    found = grade_file(GradeAsked("plan", write(tmp_path / "in.jsonl", rows), out, progress=False))
    assert (found.outcomes, round(found.reward, 4)) == ({"correct": 2, "wrong": 1}, 0.6667)


def test_a_column_answer_beside_a_completion_is_the_data_s_and_not_the_model_s(tmp_path):
    rows = [{"id": 1, "answer": "7", "completion": "#### 8", "reference": 7}, {"id": 2, "answer": "7", "reference": 7}]
    out = tmp_path / "out.jsonl"
    grade_file(GradeAsked("number", write(tmp_path / "in.jsonl", rows), out, progress=False))
    assert [json.loads(line)["outcome"] for line in out.read_text().splitlines()] == ["wrong", "correct"]


def test_the_first_row_that_could_not_be_judged_is_named(tmp_path, capsys):
    rows = [{"id": "a", "completion": "#### 8"}, {"id": "b", "completion": "none", "reference": 7}]
    data = write(tmp_path / "in.jsonl", rows)
    scripts.grade.show(grade_file(GradeAsked("number", data, tmp_path / "out.jsonl", progress=False)))
    told = capsys.readouterr().out
    assert "first error: a: there is no reference, the right answer, to compare with" in told
    assert "first unverifiable: b: there is no final answer" in told
