"""conf/policy/tiny_for: what a tiny policy is given has room for every suite's worked solutions."""

from __future__ import annotations

import pytest

from evolve.config import EvolveConfig
from lm.tokenizer import build_tokenizer
from scripts.composing import composed
from scripts.launch import CONF
from tasks.registry import TASK_CONFIGS, build_task
from tasks.suites.procedural import ProceduralConfig, ProceduralTask

SUITES = [name for name, schema in TASK_CONFIGS.items() if issubclass(schema, ProceduralConfig)]
SAME = ("chain", "wordmath", "countdown", "logic", "plan")


@pytest.mark.parametrize("suite", SUITES)
def test_worked_solutions_fit(suite):
    config = composed("evolve", ["experiment=smoke", f"task={suite}"])
    assert isinstance(config, EvolveConfig)
    policy, task = config.policy, build_task(config.task)
    assert isinstance(task, ProceduralTask)
    demonstrations = task.demonstrations(200)
    texts = [shown.problem.prompt + shown.solution for shown in demonstrations]
    tokenizer = build_tokenizer(policy.tiny.tokenizer, texts, policy.tiny.vocabulary)

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text)) + 1  # the end token

    for shown, text in zip(demonstrations, texts, strict=True):
        assert tokens(text) <= policy.tiny.context
        assert tokens(shown.solution) <= policy.max_solution_tokens
        assert max(map(tokens, task.steps(shown.solution))) <= policy.steps.max_step_tokens


def test_other_policies_and_tasks_are_left_alone():
    assert {path.stem for path in (CONF / "policy" / "tiny_for").glob("*.yaml")} == set(SUITES) - set(SAME)
    folder = composed("evolve", ["policy=folder", "policy.path=anywhere", "task=rewrite"])
    assert folder.policy.max_solution_tokens == 1024
    named = composed("evolve", ["task=rewrite", "policy.tiny.context=500"])
    assert (named.policy.tiny.context, named.policy.max_solution_tokens) == (500, 144)
