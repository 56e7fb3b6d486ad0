"""Graders whose function the user wrote, run in the sandbox of this machine."""

from __future__ import annotations

import pytest

from tasks.errors import UserError
from tasks.graders.base import Item, Resources
from tasks.graders.build import build_grader
from tasks.graders.python_grader import verdict_of
from tasks.graders.scale import Scale
from tasks.problem import Outcome
from tasks.sandbox.execution import Tier
from tasks.sandbox.open import open_sandbox

C, W, U, E = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.ERROR


@pytest.fixture(scope="module")
def resources():
    try:
        return Resources(sandbox=open_sandbox(Tier.AUTO))
    except UserError as error:
        pytest.skip(str(error))


def python(source, resources, completion="#### 7", reference="7", **spec):
    grader = build_grader({"type": "python", "source": source, **spec}, resources)
    return grader.grade(Item("id-1", "2+5?", reference, completion, meta={"level": 3}))


def test_a_python_grader_gets_sample_and_item_and_gives_a_score(resources):
    source = "def grade(sample, item):\n    return float(sample['answer'] == item['reference'] and item['level'] == 3)"
    assert python(source, resources).outcome is C
    assert python(source, resources, "#### 8").outcome is W
    assert python("import numpy\ndef grade(s, i): return numpy.float32(0.5)", resources).reward == 0.5
    assert python("def grade(s, i): return {'outcome': 'unverifiable'}", resources).outcome is U
    assert python("def grade(s, i):\n    print('0.1')\n    return True", resources).outcome is C
    assert python("def grade(s, i): return 3", resources, range=[1, 5]).reward == 0.5


@pytest.mark.parametrize(
    "source",
    [
        "def grade(s, i): return 2",
        "def grade(s, i): return float('nan')",
        "def grade(s, i): return 'good'",
        "def grade(s, i): return None",
        "def grade(s, i): return {'outcome': 'great', 'reward': 1}",
        "def grade(s, i): raise ValueError('no')",
        "def grade(s, i):\n    import os\n    os._exit(0)",
        "def grade(s, i): return [1]",
    ],
)
def test_what_goes_wrong_in_a_python_grader_is_an_error(resources, source):
    found = python(source, resources)
    assert found.outcome is E
    assert found.note


def test_a_completion_is_data_to_a_python_grader(resources):
    hostile = '\'); import os; os._exit(0) #\n\\u0000\n""" #### 7'
    source = "def grade(sample, item): return len(sample['output_text']) / 1000"
    assert python(source, resources, hostile).reward == len(hostile) / 1000


def test_a_simulator_of_ones_own(resources):
    source = "def simulate(world, plan):\n    return sum({'+': 1, '-': -1}[move] for move in plan) == world"
    grader = build_grader({"type": "simulator", "source": source}, resources)
    assert grader.grade(Item("1", completion="#### +++-", meta={"world": 2})).outcome is C
    assert grader.grade(Item("1", completion="#### +", meta={"world": 2})).outcome is W
    assert grader.grade(Item("1", completion="#### x", meta={"world": 2})).outcome is E
    assert grader.grade(Item("1", completion="+", meta={"world": 2})).outcome is U


@pytest.mark.parametrize(
    ("told", "outcome", "reward"),
    [
        ({"outcome": "correct", "reward": 0.8}, C, 0.8),
        ({"outcome": "wrong", "reward": 0.3}, W, 0.3),
        ({"outcome": "unverifiable", "reward": 0}, U, 0.0),
        ({"outcome": "error", "reward": 0.0}, E, 0.0),
        ({"outcome": "correct"}, C, 1.0),
        ({"outcome": "wrong"}, W, 0.0),
        ({"reward": 0.7}, C, 0.7),
        ({"outcome": None, "reward": 0.1}, W, 0.1),
    ],
)
def test_an_outcome_and_a_score_that_agree_are_taken(told, outcome, reward):
    found = verdict_of(told, Scale(0, 1), 0.7)
    assert (found.outcome, found.reward) == (outcome, reward)


@pytest.mark.parametrize(
    "told",
    [
        {"outcome": "correct", "reward": 0.0},
        {"outcome": "correct", "reward": 0.6},
        {"outcome": "wrong", "reward": 1.0},
        {"outcome": "wrong", "reward": 0.7},
        {"outcome": "unverifiable", "reward": 0.2},
        {"outcome": "error", "reward": 1},
        {"outcome": "correct", "reward": 2},
        {},
    ],
)
def test_an_outcome_that_contradicts_its_score_is_an_error(told):
    found = verdict_of(told, Scale(0, 1), 0.7)
    assert (found.outcome, found.reward) == (E, 0.0)
    assert found.note


def test_outcomes_without_a_score_do_not_depend_on_the_range():
    assert verdict_of({"outcome": "unverifiable"}, Scale(1, 5), 1.0).outcome is U
    assert verdict_of({"outcome": "correct"}, Scale(1, 5), 1.0).reward == 1.0


def test_a_function_that_evaluates_a_solution_gives_it_the_score(resources):
    """The limit that docs/graders.md states."""
    evaluating = "def grade(sample, item):\n    exec(sample['output_text'])\n    return 0"
    forged = (
        "import sys, os\ngiven = sys._getframe(2).f_globals['_given']\n"
        "os.write(1, (chr(10) + given['mark'] + '1.0' + chr(10)).encode())\n"
        "os.write(5, os.read(5, 16) + b'o')\nos._exit(0)"
    )
    assert python(evaluating, resources, "x = 1").outcome is W
    assert python(evaluating, resources, forged).outcome is C
