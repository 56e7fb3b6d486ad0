"""What holds for every procedural suite, and for those that calculate."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import pytest

from tasks.config import StepFormat
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Split
from tasks.registry import build_task, validate
from tasks.suites import procedural
from tasks.suites.chain import ChainConfig
from tasks.suites.code_format import without_observations
from tasks.suites.countdown import CountdownConfig
from tasks.suites.equations import EquationsConfig
from tasks.suites.procedural import chosen_facts
from tasks.suites.wordmath import WordmathConfig
from tasks.validation import prove
from tests.suites.every_suite import CALCULATED, CONFIGS, REASONED, SMALL


@pytest.fixture(params=CONFIGS, ids=str)
def config(request):
    return CONFIGS[request.param]


@pytest.fixture(params=CALCULATED, ids=str)
def calculated(request):
    return CALCULATED[request.param]


# Recorded before the suites had a common base: runs that are resumed must find the problems they began with.
@pytest.mark.parametrize(
    ("options", "digest"),
    [
        ({}, "4f69d4e0fe7d6934b9fabcd77d753fbc"),
        ({"seed": 7, "modulus": 97, "operators": "*-", "max_length": 9}, "5598b7e50543ca0d1d731be6f1c16225"),
        (
            {"name": "tiny", "seed": 3, "modulus": 7, "min_length": 3, "max_length": 5}
            | {"misconceived_facts": 0.24, "misconception_rate": 0.93},
            "a77307fe1662a3726d3d27127fa11882",
        ),
    ],
)
def test_chains_never_change(options, digest):
    task = build_task(ChainConfig(**options))
    rows = [[p.id, p.prompt, p.answer, dict(p.meta)] for split in Split for p in task.problems(split, 150)]
    for shown in task.demonstrations(150):
        problem = shown.problem
        rows.append([problem.id, problem.prompt, problem.answer, dict(problem.meta), shown.solution])
    assert blake2b(json.dumps(rows).encode(), digest_size=16).hexdigest() == digest


@pytest.mark.parametrize(
    ("config", "prompt", "answer", "solution"),
    [
        (
            WordmathConfig(),
            "Max makes 7 pens a day for 2 days. Mia has 8 more than Max. That is 2 times as many as Ann has. "
            "How many pens does Ann have?\n",
            "11",
            "2*5=10\n10*5=50\n50/2=25\n#### 25",
        ),
        (CountdownConfig(), "6 5 3 -> 48\n", "6*(5+3)", "6*7=42\n42-1=41\n#### 6*7-1"),
        (
            EquationsConfig(),
            "x+4y=-12, 4x+3y=4\n",
            "x=4, y=-4",
            "C=B-A: 2y=4\nD=C/2: y=2\nE=A-D: x=2\n#### x=2, y=2",
        ),
    ],
)
def test_problems_of_a_seed_never_change(config, prompt, answer, solution):
    task = build_task(config)
    (problem,) = task.problems(Split.HELD_OUT, 1)
    assert (problem.id, problem.prompt, problem.answer) == (f"{config.name}/0/held_out-0", prompt, answer)
    assert task.demonstrations(3)[2].solution == solution


def test_more_problems_start_with_the_same_ones_and_none_comes_twice(config):
    task, again = build_task(config), build_task(replace(config))
    for split in Split:
        many = task.problems(split, 60)
        assert again.problems(split, 20) == many[:20]
        assert len({problem.prompt for problem in many}) == len({problem.id for problem in many}) == 60
        assert many[7].id == f"{config.name}/0/{split}-7"
    assert again.demonstrations(40)[:15] == task.demonstrations(15)


def test_another_seed_draws_others(config):
    prompts = [{p.prompt for p in build_task(replace(config, seed=seed)).problems(Split.TRAIN, 60)} for seed in (0, 1)]
    assert len(prompts[0] & prompts[1]) < 20


def test_a_problem_is_one_line_with_a_level(calculated):
    for problem in build_task(calculated).problems(Split.TRAIN, 60):
        assert problem.prompt.endswith("\n")
        assert problem.prompt.count("\n") == 1
        assert isinstance(problem.meta["level"], int)
        assert problem.prompt.isascii()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("seeds", [(0, 1), (4, 99)])
def test_splits_are_disjoint_whatever_the_seeds(name, seeds):
    many, few = (100, 30) if name in CALCULATED else (40, 2)  # the other spaces hold no more
    counts = {Split.TRAIN: many, Split.VALIDATION: few, Split.HELD_OUT: few}
    one, other = (
        {
            split: {p.prompt for p in build_task(replace(SMALL[name], seed=seed)).problems(split, count)}
            for split, count in counts.items()
        }
        for seed in seeds
    )
    shown = {found.problem.prompt for found in build_task(replace(SMALL[name], seed=seeds[0])).demonstrations(many)}
    assert one[Split.TRAIN] & other[Split.TRAIN], "the space is small enough to show an overlap"
    for split in Split:
        for strange in set(Split) - {split}:
            assert not one[split] & other[strange]
    assert not shown & (one[Split.VALIDATION] | other[Split.VALIDATION] | one[Split.HELD_OUT] | other[Split.HELD_OUT])


def test_every_check_holds(config):
    count = 3 if config.name == "program" else 30  # programs are run
    checks = prove(build_task(config), count)
    assert {kind: check.examples for kind, check in checks.items() if check.failed} == {}
    assert len(checks) >= (11 if config in REASONED.values() else 13)
    assert all(check.tried for check in checks.values())
    assert validate(build_task(config), count) == []


def test_misconceptions_make_some_demonstrations_wrong_and_the_rates_end_them(config):
    def wrong(task) -> int:
        return sum(
            task.verifier.verify(d.problem, without_observations(d.solution)).outcome is Outcome.WRONG
            for d in task.demonstrations(60)
        )

    task = build_task(config)
    assert 5 < wrong(task) < 60
    assert wrong(task.flawless()) == 0
    for changes in ({"misconception_rate": 0.0}, {"misconceived_facts": 0.0}):
        other = build_task(replace(config, **changes))
        assert other.demonstrations(60) == task.flawless().demonstrations(60), changes


def test_misconceptions_change_no_problem(config):
    task, other = build_task(config), build_task(replace(config, misconception_rate=0.2, misconceived_facts=0.9))
    assert [d.problem for d in task.demonstrations(20)] == [d.problem for d in other.demonstrations(20)]
    assert task.problems(Split.VALIDATION, 20) == other.problems(Split.VALIDATION, 20)


HOSTILE = [
    "",
    "####",
    "#### ",
    "\\boxed{",
    "The answer is \\boxed{}",
    "#### " + "9" * 100_000,
    "#### " + "(" * 50_000,
    "#### " + "-" * 50_000 + "1",
    "#### 9**9**9**9",
    "#### 1/0",
    "#### __import__('os').system('true')",
    "#### \u0663",
    "#### \u00b2",
    "#### nan",
    "#### inf",
    "#### 1e999999999",
    "#### " + "1," * 30_000,
    "#### " + "x=" * 30_000,
    "\x00\ud800",
    "<end_of_step>\n" * 20_000,
    ("<end_of_step>\n" + ">>> 5\n" * 50) * 500,
]


@pytest.mark.parametrize("solution", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_solutions_neither_score_nor_break(calculated, solution):
    task = build_task(calculated)
    (problem,) = task.problems(Split.TRAIN, 1)
    for text in (solution, f"The answer is \\boxed{{{solution.removeprefix('#### ')}}}"):
        assert task.verifier.verify(problem, text).reward == 0.0
        assert not any(task.oracle.step_labels(problem, [text, f"{text}\n"]))
    assert len(task.steps(solution)) <= 30_000


def test_a_problem_of_another_suite_is_refused(calculated):
    task = build_task(calculated)
    with pytest.raises(ValueError, match="not a "):
        task.oracle.step_labels(Problem("x", "What is 7+5?\n", "12"), [])


@pytest.mark.parametrize("name", SMALL)
def test_a_space_that_is_too_small_is_told(name, monkeypatch):
    monkeypatch.setattr(procedural, "_MAX_REFUSALS", 500)
    with pytest.raises(UserError, match=r"task\.\w+=\d.* leave only \d+ distinct held_out problems .* 100000 are"):
        build_task(SMALL[name]).problems(Split.HELD_OUT, 100_000)


def test_code_is_refused_where_there_is_none():
    with pytest.raises(UserError, match="step_format=code: suite countdown is worked in text"):
        build_task(CountdownConfig(step_format=StepFormat.CODE))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (WordmathConfig(min_operations=0), r"min_operations=0 and max_operations=3"),
        (WordmathConfig(max_operations=9), r"max_operations=9"),
        (WordmathConfig(largest_operand=3), r"task\.largest_operand must lie in 4\.\.99, got 3"),
        (WordmathConfig(largest_value=17), r"task\.largest_value .* got 17 with largest_operand=9"),
        (WordmathConfig(distractors=1.5), r"task\.distractors .* got 1\.5"),
        (WordmathConfig(misconception_rate=float("nan")), r"task\.misconception_rate"),
        (CountdownConfig(min_numbers=1), r"min_numbers=1 and max_numbers=3"),
        (CountdownConfig(max_numbers=7), r"max_numbers=7"),
        (CountdownConfig(largest_number=3), r"task\.largest_number .* got 3"),
        (CountdownConfig(largest_target=8), r"task\.largest_target .* got 8 with largest_number=9"),
        (EquationsConfig(max_unknowns=4), r"max_unknowns=4"),
        (EquationsConfig(largest_coefficient=13), r"task\.largest_coefficient must lie in 2\.\.12, got 13"),
        (EquationsConfig(largest_value=1), r"task\.largest_value must lie in 2\.\.999, got 1"),
        (EquationsConfig(misconceived_facts=-0.1), r"task\.misconceived_facts .* got -0\.1"),
    ],
)
def test_impossible_options_are_told(config, message):
    with pytest.raises(UserError, match=message):
        build_task(config)


def test_a_larger_share_of_facts_contains_the_smaller_one():
    facts = [f"fact {number}" for number in range(40)]
    less, more = (chosen_facts(np.random.default_rng(3), facts, share, 5) for share in (0.25, 0.8))
    assert len(less) == 10
    assert len(more) == 32
    assert less.items() <= more.items()
    assert set(more.values()) == {1, 2, 3, 4, 5}
