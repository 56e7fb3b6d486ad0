"""What holds for the suites that reason: derivations, plans, programs, rewriting; test_procedural has the rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.config import StepFormat
from tasks.errors import UserError
from tasks.problem import Demonstration, Outcome, Problem, Split
from tasks.registry import build_task
from tasks.suites.logic import LogicConfig
from tasks.suites.plan import PlanConfig
from tasks.suites.program import ProgramConfig
from tasks.suites.rewrite import RewriteConfig
from tests.suites.every_suite import REASONED


@pytest.fixture(params=REASONED, ids=str)
def config(request):
    return REASONED[request.param]


@pytest.mark.parametrize(
    ("config", "prompt"),
    [
        (LogicConfig(), "1 ~S\n2 Q>S\n? ~Q\n"),
        (PlanConfig(), "X..G 6\n....\n.S.X\nX..X\n"),
        (ProgramConfig(), "sum, add 3\n[2,9,9]:23 [20,17]:40\n"),
        (RewriteConfig(), "The hen met a rather old cat, a red frog.\nno rather; has cow; end bye now\n"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_problems_of_a_seed_never_change(config, prompt):
    assert build_task(config).problems(Split.HELD_OUT, 1)[0].prompt == prompt


def test_problems_are_short_and_have_levels(config):
    problems = build_task(config).problems(Split.TRAIN, 100)
    for problem in problems:
        assert problem.prompt.endswith("\n")
        assert problem.prompt.isascii()
        assert len(problem.prompt) < 160
        assert "\n" not in problem.answer
        assert "####" not in problem.prompt
        json.dumps(dict(problem.meta))
    levels = Counter(problem.meta["level"] for problem in problems)
    assert all(isinstance(level, int) for level in levels)
    assert len(levels) > 1


def test_a_demonstration_without_a_wrong_step_is_right(config):
    task = build_task(config)
    seen = Counter()
    for shown in task.demonstrations(40 if config.name == "program" else 150):
        first = task.oracle.first_error(shown.problem, shown.solution.split("\n"))
        reward = task.verifier.verify(shown.problem, shown.solution).reward
        seen[first == -1, reward == 1.0] += 1
    assert not seen[True, False]
    assert seen[True, True]
    assert seen[False, False]


HOSTILE = [
    "",
    "####",
    "#### ",
    "#### \n\n",
    "#### " + "9" * 100_000,
    "#### " + "(" * 50_000,
    "#### " + "~" * 50_000 + "P",
    "#### " + ";" * 50_000,
    "#### " + "R" * 100_000,
    "#### " + "P hyp;" * 20_000,
    "#### " + "fox " * 50_000,
    "#### " + '"' * 50_000,
    "#### import os; os._exit(0)",
    "#### while True: pass",
    "#### return f(x)",
    "#### raise SystemExit",
    "#### print('[' + ', '.join(['\"1\"'] * 10) + ']'); import sys; sys.stdout.flush(); import os; os._exit(0)",
    "#### return open('/etc/passwd').read()",
    "#### \u0663",
    "#### x = '\u2028'; return x",
    "#### \ud800",
    "#### \x00",
    "\x00\ud800",
    "x" * 200_000,
    "\n" * 100_000 + "####",
    "#### a\n" * 20_000,
    " ####" * 20_000,
]


@pytest.mark.parametrize("solution", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("name", ["logic", "plan", "program", "rewrite"])
def test_hostile_solutions_neither_score_nor_break(name, solution):
    task = build_task(REASONED[name])
    (problem,) = task.problems(Split.TRAIN, 1)
    verdict = task.verifier.verify(problem, solution)
    assert verdict.reward == 0.0
    assert verdict.outcome in (Outcome.WRONG, Outcome.UNVERIFIABLE)
    assert not any(task.oracle.step_labels(problem, [solution, f"{solution}\n"]))
    assert not any(task.oracle.step_labels(problem, solution.split("\n")[:500]))


@cache
def demonstrations_of(name: str) -> list[Demonstration]:
    return build_task(REASONED[name]).demonstrations(30)


@settings(max_examples=100)
@given(st.data(), st.sampled_from(["logic", "plan", "rewrite"]))
def test_right_steps_up_to_the_end_are_a_right_solution(data, name):
    """Steps put together from several solutions: where the oracle finds no error, the verifier finds none."""
    task, known = build_task(REASONED[name]), demonstrations_of(name)
    index = data.draw(st.integers(2, 29))
    shown = known[index]
    others = [step for one in known[index - 2 : index] for step in one.solution.split("\n")]
    own = [*shown.solution.split("\n"), f"#### {shown.problem.answer}"]
    steps = []
    for _ in range(8):
        steps.append(data.draw(st.sampled_from(own * 4 + others)))
        if steps[-1].startswith("####"):
            break
    labels = task.oracle.step_labels(shown.problem, steps)
    assert len(labels) == len(steps)
    if all(labels) and steps[-1].startswith("####"):
        assert task.verifier.verify(shown.problem, "\n".join(steps)).reward == 1.0


def test_a_problem_of_another_suite_is_refused(config):
    task = build_task(config)
    strange = Problem("x", "What is 7+5?\n", "12")
    with pytest.raises(ValueError, match="not a "):
        task.oracle.step_labels(strange, [])
    with pytest.raises(ValueError, match="not a "):
        task.verifier.verify(strange, "#### 12")


def test_code_steps_are_refused(config):
    with pytest.raises(UserError, match="step_format=code: suite"):
        build_task(replace(config, step_format=StepFormat.CODE))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (LogicConfig(rules=["mp", "xx"]), r"task\.rules must be of mp, .* got \['mp', 'xx'\]"),
        (LogicConfig(rules=["mp", "mp"]), r"task\.rules"),
        (LogicConfig(rules=["&i"]), r"task\.rules must have one of mp, mt, ds"),
        (LogicConfig(min_links=0), r"min_links=0 and max_links=2"),
        (LogicConfig(atoms=3), r"task\.atoms .* = 4 and 16, .* got atoms=3"),
        (LogicConfig(atoms=17), r"got atoms=17"),
        (LogicConfig(distractors=-1), r"distractors=-1"),
        (PlanConfig(width=9), r"task\.width must lie in 2\.\.8, got 9"),
        (PlanConfig(width=2, height=2), r"a world needs 6 cells, got task\.width=2"),
        (PlanConfig(walls=1.5), r"task\.walls .* got 1\.5"),
        (PlanConfig(min_moves=7), r"min_moves=7 and max_moves=6"),
        (PlanConfig(spare=-1), r"task\.spare must lie in 0\.\.99, got -1"),
        (ProgramConfig(max_operations=6), r"max_operations=6"),
        (ProgramConfig(list_rate=-1), r"task\.list_rate .* got -1"),
        (RewriteConfig(max_constraints=7), r"max_constraints=7"),
        (RewriteConfig(misconception_rate=float("nan")), r"task\.misconception_rate"),
    ],
)
def test_impossible_options_are_told(config, message):
    with pytest.raises(UserError, match=message):
        build_task(config)


def test_worlds_that_cannot_be_are_told():
    with pytest.raises(UserError, match=r"task\.width=2, .* no world whose shortest plan has 50 moves"):
        build_task(PlanConfig(width=2, height=3, min_moves=50, max_moves=50)).problems(Split.TRAIN, 1)
