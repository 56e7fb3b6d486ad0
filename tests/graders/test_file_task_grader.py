"""``task.grader``: any file of problems under any grader."""

from __future__ import annotations

import json

import pytest
import yaml
from omegaconf import OmegaConf

from evolve.config import EvolveConfig
from evolve.saved_config import load_config
from tasks.answers import AnswerType
from tasks.config import TaskConfig
from tasks.errors import UserError
from tasks.fault import FaultConfig
from tasks.graders.verifier import GraderVerifier
from tasks.problem import Outcome, Split
from tasks.readers.jsonl import JsonlConfig
from tasks.registry import build_task, validate


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def every(task):
    return {problem.id: problem for split in Split for problem in task.problems(split, 100)}


def test_a_file_task_judges_by_its_grader(tmp_path):
    grader = tmp_path / "g.yaml"
    grader.write_text(
        "type: multi\nweights: {answer: 0.9, form: 0.1}\ngraders:\n  answer: {type: number}\n"
        "  form: {type: regex_format, pattern: '<think>'}\n"
    )
    data = write(tmp_path / "d.jsonl", [{"id": n, "problem": f"{n}+1?", "answer": n + 1} for n in range(30)])
    task = build_task(JsonlConfig(path=data, grader=str(grader)))
    assert isinstance(task.verifier, GraderVerifier)
    problem = every(task)["jsonl/4"]
    found = [task.verifier.verify(problem, text) for text in ("<think>so</think>\n#### 5", "#### 5", "#### 6")]
    assert [verdict.reward for verdict in found] == pytest.approx([1.0, 0.9, 0.0])
    assert [verdict.outcome for verdict in found] == [Outcome.CORRECT, Outcome.WRONG, Outcome.WRONG]
    assert validate(task, 100) == []


def test_rows_carry_what_their_grader_needs(tmp_path):
    rows = [
        {"id": n, "problem": f"Go right {n} times.", "world": "S" + "." * (n - 1) + "G", "solution": f"#### {'R' * n}"}
        for n in range(1, 15)
    ]
    task = build_task(JsonlConfig(path=write(tmp_path / "d.jsonl", rows), grader="plan"))
    problem = every(task)["jsonl/3"]
    assert dict(problem.meta) == {"world": "S..G"}
    assert task.verifier.verify(problem, "#### RRR").outcome is Outcome.CORRECT
    assert validate(task, 100) == []
    assert task.demonstrations(1)[0].solution.startswith("#### R")


def test_an_own_answer_that_its_grader_rejects_is_found(tmp_path):
    rows = [{"id": n, "problem": f"{n}?", "answer": "D", "world": "S" + "." * n + "G"} for n in range(5)]
    task = build_task(JsonlConfig(path=write(tmp_path / "d.jsonl", rows), grader="plan"))
    assert len(validate(task, 100)) == 5


def test_a_bad_grader_is_refused_when_the_task_is_made(tmp_path):
    data = write(tmp_path / "d.jsonl", [{"problem": "1?", "answer": 1}])
    with pytest.raises(UserError, match="there is no grader nowhere"):
        build_task(JsonlConfig(path=data, grader="nowhere"))


@pytest.mark.parametrize(
    ("option", "mend"),
    [({"answer_type": AnswerType.LATEX}, "task.answer_type=null"), ({"tolerance": 0.5}, "task.tolerance=0.0")],
)
def test_what_a_grader_would_ignore_is_refused(tmp_path, option, mend):
    data = write(tmp_path / "d.jsonl", [{"problem": "1+1?", "answer": "2"}])
    (name, value) = next(iter(option.items()))
    with pytest.raises(UserError) as caught:
        build_task(JsonlConfig(path=data, grader="number", **option))
    assert f"task.grader=number judges in place of task.{name}={value}" in str(caught.value)
    assert mend in str(caught.value)


def test_a_runs_config_keeps_grader_and_fault(tmp_path):
    config = EvolveConfig(task=JsonlConfig(path="d.jsonl", grader="plan", fault=FaultConfig(0.1, 0.05, 7)))
    plain = OmegaConf.to_container(OmegaConf.structured(config), enum_to_str=True)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(plain))
    found = load_config(tmp_path).task
    assert isinstance(found, JsonlConfig)
    assert (found.grader, found.fault) == ("plan", FaultConfig(0.1, 0.05, 7))
    del plain["task"]["fault"]  # a run from before there were faults
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(plain))
    older = load_config(tmp_path).task
    assert isinstance(older, TaskConfig)
    assert older.fault == FaultConfig()
