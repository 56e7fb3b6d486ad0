"""A file of problems with something wrong in it: named by file and line, or counted and listed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evolve.config import EvolveConfig, ProblemChoice
from lm.config import OptimiserConfig
from policy.config import ColdStartConfig
from tasks.errors import DataError, UserError
from tasks.readers.jsonl import JsonlConfig
from tests.evolve.tiny_run import run_tiny, tiny_config


def _rows(count: int) -> list[str]:
    return [
        json.dumps({"problem": f"{n} + 2 = ?", "answer": n + 2, "solution": f"{n}+2={n + 2}"}) for n in range(count)
    ]


def _on(path: Path, lines: list[str]) -> EvolveConfig:
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    config = tiny_config(task=JsonlConfig(path=str(path)), rounds=0)
    config.policy.cold_start = ColdStartConfig(40, replace(OptimiserConfig(), epochs=0.5))
    config.policy.max_solution_tokens = 4
    return config


def test_a_malformed_line_is_named(tmp_path):
    rows = [*_rows(5), '{"problem": "1 + 1?"}', *_rows(8)[5:]]
    with pytest.raises(DataError) as caught:
        run_tiny(tmp_path / "mine", _on(tmp_path / "sums.jsonl", rows))
    told = "the field 'answer' must be a text, but it is missing; mend or remove the line"
    assert str(caught.value) == f"{tmp_path}/sums.jsonl:6: {told}"


def test_rows_that_cannot_be_used_are_counted_and_listed(tmp_path):
    unreadable = json.dumps({"problem": "Why?", "answer": "because"})
    rows = [*_rows(40), unreadable, _rows(1)[0]]
    root = tmp_path / "mine"
    run_tiny(root, _on(tmp_path / "sums.jsonl", rows))
    assert json.loads((root / "set_aside.json").read_text()) == [
        {"line": 41, "reason": "sums.jsonl: the answer 'because' cannot be read as number"},
        {"line": 42, "reason": "sums.jsonl: the same question is at line 1"},
    ]
    assert "2 rows of the data were set aside; set_aside.json lists them" in (root / "log.txt").read_text()
    assert "- 2 rows of the data were set aside: `set_aside.json`" in (root / "REPORT.md").read_text()


def test_a_file_without_a_problem_to_judge_on_is_refused(tmp_path):
    with pytest.raises(UserError, match="task jsonl has no held_out problem to evaluate on; give it more problems"):
        run_tiny(tmp_path / "mine", _on(tmp_path / "sums.jsonl", _rows(2)))


def test_a_file_that_is_used_up_is_refused(tmp_path):
    config = _on(tmp_path / "sums.jsonl", _rows(40))
    config.rounds, config.search.choice, config.search.problems = 2, ProblemChoice.FRESH, 40
    with pytest.raises(UserError, match=r"no training problem left for round 2; .*choice=fresh lower search\.problems"):
        run_tiny(tmp_path / "mine", config)


def test_a_policy_from_nothing_needs_solutions(tmp_path):
    lines = [json.dumps({"problem": f"{n} + 2?", "answer": n + 2}) for n in range(40)]
    with pytest.raises(UserError, match="a policy made from nothing needs worked solutions"):
        run_tiny(tmp_path / "mine", _on(tmp_path / "sums.jsonl", lines))


def test_a_solution_longer_than_the_context(tmp_path):
    long = [json.dumps({"problem": f"1 * {n}", "answer": n, "solution": f"1*{n}={n} " * 30}) for n in range(9)]
    with pytest.raises(UserError, match=r"a worked solution has \d+ tokens, the policy reads 64; raise policy.tiny.co"):
        run_tiny(tmp_path / "mine", _on(tmp_path / "sums.jsonl", [*_rows(40), *long]))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"sums\.jsonl: no usable problem in the file"):
        run_tiny(tmp_path / "mine", _on(tmp_path / "sums.jsonl", []))
