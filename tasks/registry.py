"""From a configuration to its task, and the proof that a task's own answers score 1."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.chain import ChainConfig, ChainTask
from tasks.config import TaskConfig
from tasks.gsm8k import Gsm8kConfig, load_gsm8k
from tasks.jsonl import JsonlConfig, load_jsonl
from tasks.problem import Problem, Split, Task

TASK_CONFIGS: dict[str, type[TaskConfig]] = {"chain": ChainConfig, "gsm8k": Gsm8kConfig, "jsonl": JsonlConfig}


def build_task(config: TaskConfig) -> Task:
    """The task that the configuration's class stands for. Raises UserError for options that cannot be."""
    match config:
        case ChainConfig():
            return ChainTask(config)
        case Gsm8kConfig():
            return load_gsm8k(config)
        case JsonlConfig():
            return load_jsonl(config)
        case _:
            raise ValueError(f"no task is known for the configuration {type(config).__name__}")


def validate(task: Task, count: int) -> list[Problem]:
    """The problems, of the first ``count`` of each split, whose own answer does not score 1: must be empty."""
    return rejected_answers(task, [problem for split in Split for problem in task.problems(split, count)])


def rejected_answers(task: Task, problems: Iterable[Problem]) -> list[Problem]:
    """Those of the problems whose own answer does not score 1."""
    return [p for p in problems if task.verifier.verify(p, f"#### {p.answer}").reward != 1.0]
