"""A noisy reward (task.fault) reaches what learns and nothing that judges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from compare.arms.audit import Audit
from compare.arms.course import Course
from compare.arms.judging import greedy
from compare.arms.work import ArmWork
from tasks.fault import FaultConfig
from tasks.problem import Outcome
from tests.compare.tiny_compare import run_comparison, tiny_comparison

C, W = Outcome.CORRECT, Outcome.WRONG
FLIPPED = {C: W, W: C}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults")
    run_comparison(root / "it", tiny_comparison("sft"))
    config = tiny_comparison("grpo_outcome")
    config.task = replace(config.task, fault=FaultConfig(1.0, 1.0))
    right = [False] * config.judging.problems
    work = ArmWork(config, "grpo_outcome", 0, root / "it" / "seed_0" / "cold_start", right, None, root / "out")
    return Course(lambda *_, **__: None, work)


def outcomes(groups):
    return [one.verdict.outcome for group in groups for one in group.trajectories]


def truth(course, groups):
    verify = course.task.verifier.verify
    return [verify(group.problem, one.text).outcome for group in groups for one in group.trajectories]


def test_rewards_are_noisy_and_judgement_is_true(course):
    drawn = course.policy.sample(course.next_problems(12), 4, 0)
    learned_from = course.judged(drawn, "update")
    true = truth(course, drawn)
    assert {C, W} <= set(true)
    assert outcomes(learned_from) == [FLIPPED.get(each, each) for each in true]
    assert outcomes(Audit(course)._true(learned_from)) == true
    problems = course.task.problems(course.config.judging.split, 20)
    judged = greedy(course.policy, problems, course.task)
    assert outcomes(judged) == truth(course, judged)
