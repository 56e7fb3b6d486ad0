from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from evolve import show_tasks
from evolve.named_tasks import named_tasks
from evolve.tasks_view import checks_table
from scripts import tasks as program
from tasks.config import StepFormat
from tasks.problem import Outcome, Verdict
from tasks.registry import TASK_CONFIGS
from tasks.suites.chain import ChainConfig, ChainTask
from tasks.validation import Check

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = str(ROOT / "tests" / "data" / "gsm8k_shaped.jsonl")


@pytest.fixture
def shown(capsys, monkeypatch):
    """Run the program here; what it prints, what it complains of, and its exit code."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*options):
        monkeypatch.setattr(sys, "argv", ["tasks", *options])
        with pytest.raises(SystemExit) as ended:
            program.main()
        printed = capsys.readouterr()
        return printed.out, printed.err, ended.value.code

    return run


def test_every_task_is_listed_with_an_example(shown):
    out, err, code = shown()
    assert (err, code) == ("", 0)
    for name in (*TASK_CONFIGS, "math", "aime", "trl", "verl"):
        assert f" {name} " in out
    assert "How many" in out
    assert "#### " in out
    assert "name=gsm8k path=FILE" in out


def test_one_task_is_shown_in_detail(shown):
    out, _, code = shown("name=wordmath", "task.step_format=code", "task.max_operations=5")
    assert code == 0
    for part in ("task.max_operations", "<end_of_step>", "The answer is \\boxed{", "WRONG", "levels   2: "):
        assert part in out


def test_a_task_of_a_file_tells_its_sizes(shown):
    out, _, code = shown("name=gsm8k", f"path={SHIPPED}")
    assert code == 0
    assert "train 42, validation" in out


def test_checks_hold_and_are_counted(shown):
    out, _, code = shown("validate=true", "count=12", "name=chain")
    assert code == 0
    assert "own answers score 1" in out
    assert re.search(r"\n  chain +(\d+) +(\d+) +0 *\n", out)
    assert re.search(r"\n +own answers score 1 +36 +0 *\n", out)
    assert shown("validate=true", "count=5", "name=gsm8k", f"path={SHIPPED}")[2] == 0


def test_the_table_of_many_tasks_fits_80_columns():
    checks = {"the oracle finds no error in them": Check(500, 3, []), "own answers score 1": Check(500, 0, [])}
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(checks_table({f"a long name of a task {number}, code": checks for number in range(9)}))
    lines = console.export_text().splitlines()
    assert sum(bool(re.search(r"^ +a long name of a task \d, code +2 +1000 +3 *$", line)) for line in lines) == 9
    assert sum(bool(re.search(r"^ +the oracle finds no error in them +500 +3 *$", line)) for line in lines) == 9
    assert "own answers" not in console.export_text(), "a check that holds has no row of its own"


def test_tasks_of_files_are_told_to_be_left_out(shown, monkeypatch):
    monkeypatch.setattr(
        show_tasks, "named_tasks", lambda: {name: named_tasks()[name] for name in ("countdown", "gsm8k")}
    )
    out, _, code = shown("validate=true", "count=3")
    assert code == 0
    assert "Not checked: gsm8k. Its problems stand in a file: name=gsm8k path=FILE" in out


def test_a_failed_check_is_exit_code_1(shown, monkeypatch):
    class Generous:
        def verify(self, problem, solution):
            return Verdict(Outcome.CORRECT, 1.0)

    task = ChainTask(ChainConfig())
    task.verifier = Generous()
    monkeypatch.setattr(show_tasks, "build_task", lambda config: task)
    out, _, code = shown("validate=true", "count=3", "name=chain")
    assert code == 1
    assert re.search(r"\n +empty: scores 0 +9 +9 *\n", out)
    assert "chain, empty: scores 0: chain/0/train-0: '#### ' is correct, reward 1" in out


def test_options_reach_the_task():
    asked = show_tasks.read_options(["name=wordmath", "task.step_format=code", "task.distractors=0.5"])
    config = show_tasks._config(asked)
    assert (config.step_format, config.distractors) == (StepFormat.CODE, 0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["name=wrdmath"], "there is no name=wrdmath; did you mean name=wordmath?"),
        (["nam=chain"], "there is no nam; did you mean name?"),
        (["chain"], "'chain': an option is written option=value"),
        (["task=chain"], "there is no task"),
        (["name.x=chain"], "there is no name.x"),
        (["validate=perhaps"], "validate: "),
        (["count=0"], "count must be at least 1, got 0"),
        (["count=many"], "count: "),
        (["task.modulus=3"], "path and task.X belong to one task"),
        (["path=x"], "path and task.X belong to one task"),
        (["name=chain", "path=x"], "path=x: the problems of chain are made on the spot"),
        (["name=chain", "task.modulos=3"], "there is no task.modulos; did you mean task.modulus?"),
        (["name=chain", "task.modulus=x"], "modulus: "),
        (["name=chain", "task.modulus=300"], "task.modulus must lie in 2..100, got 300"),
        (["name=gsm8k"], "the problems of gsm8k stand in a file; give it with path=FILE"),
        (["name=gsm8k", "path=/nowhere"], "/nowhere"),
    ],
)
def test_a_mistake_ends_in_one_sentence(shown, options, message):
    out, err, code = shown(*options)
    assert (out, code) == ("", 2)
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_it_runs_as_a_program():
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    command = [sys.executable, "-m", "scripts.tasks", "name=countdown"]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=300)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "countdown" in answer.stdout


def test_the_files_of_conf_say_what_a_name_stands_for():
    tasks = named_tasks()
    assert list(tasks)[: len(TASK_CONFIGS)] == list(TASK_CONFIGS)
    assert (tasks["math"].form, tasks["math"].answer_type) == ("math", "latex")
    assert (tasks["verl"].name, tasks["verl"].form) == ("verl", "verl")
