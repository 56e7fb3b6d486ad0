from __future__ import annotations

import sys

import pytest

from tasks.graders.base import Item
from tasks.graders.build import build_grader
from tasks.problem import Outcome

MODULE = """
import numpy as np
def exact(prompts, completions, answer, **columns):
    assert len(prompts) == len(completions) == len(answer) == 1
    return [float(c == a) for c, a in zip(completions, answer)]
def narrow(completions, level):
    return [level[0] / 10]
def chatty(prompts, completions, **columns):
    return [float(completions[0][0]["content"] == "7" and prompts[0][0]["role"] == "user")]
def out_of_range(completions, **columns):
    return [-1.0]
def nothing(completions, **columns):
    return [None]
def breaks(completions, **columns):
    raise RuntimeError("broken")
def leaves(completions, **columns):
    raise SystemExit(3)
def two(completions, **columns):
    return [1, 1]
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": np.float64(solution_str == ground_truth and data_source == "set" and extra_info["k"] == 1)}
"""


@pytest.fixture(autouse=True)
def own_module(tmp_path, monkeypatch):
    (tmp_path / "own_rewards.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("own_rewards", None)


def grade(kind, name, completion="7", **spec):
    grader = build_grader({"type": kind, "function": f"own_rewards:{name}", **spec})
    return grader.grade(Item("set/1", "2+5?", "7", completion, meta={"level": 5, "k": 1}))


def test_trl_functions():
    assert grade("trl", "exact").outcome is Outcome.CORRECT
    assert grade("trl", "exact", "8").outcome is Outcome.WRONG
    assert grade("trl", "narrow").reward == 0.5
    assert grade("trl", "chatty", chat=True).reward == 1


def test_verl_functions():
    assert grade("verl", "compute_score").outcome is Outcome.CORRECT
    assert grade("verl", "compute_score", "8").outcome is Outcome.WRONG
    assert grade("verl", "compute_score", data_source="other").outcome is Outcome.WRONG


@pytest.mark.parametrize("name", ["out_of_range", "nothing", "breaks", "leaves", "two"])
def test_what_goes_wrong_is_an_error(name):
    found = grade("trl", name)
    assert (found.outcome, found.reward) == (Outcome.ERROR, 0.0)
    assert found.note


def test_a_declared_range_is_mapped():
    assert grade("trl", "out_of_range", range=[-1, 1]).reward == 0.0
    assert grade("trl", "exact", range=[-1, 1]).reward == 1.0
    assert "lies" in grade("trl", "out_of_range").note or "from 0 to 1" in grade("trl", "out_of_range").note
