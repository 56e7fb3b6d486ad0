"""``python -m scripts.grade`` from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import scripts.grade
from evolve.grade_file import GradeAsked, grade_file, read_items
from tasks.errors import DataError

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
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60)


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
