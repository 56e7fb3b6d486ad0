"""From a configuration to its task, and the proof that a task's own answers score 1."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.config import StepFormat, TaskConfig
from tasks.mix import MixConfig, MixTask
from tasks.problem import Problem, Split, Task, VariesProblems
from tasks.readers.file_task import FileTask
from tasks.readers.gsm8k import Gsm8kConfig, load_gsm8k
from tasks.readers.gym import ReasoningGymConfig, ReasoningGymTask
from tasks.readers.jsonl import JsonlConfig, load_jsonl
from tasks.suites.chain import ChainConfig, ChainTask
from tasks.suites.code_format import CodeVerifier, final_line
from tasks.suites.countdown import CountdownConfig, CountdownTask
from tasks.suites.equations import EquationsConfig, EquationsTask
from tasks.suites.logic import LogicConfig, LogicTask
from tasks.suites.plan import PlanConfig, PlanTask
from tasks.suites.procedural import ProceduralTask
from tasks.suites.program import ProgramConfig, ProgramTask
from tasks.suites.rewrite import RewriteConfig, RewriteTask
from tasks.suites.wordmath import WordmathConfig, WordmathTask

TASK_CONFIGS: dict[str, type[TaskConfig]] = {
    "chain": ChainConfig,
    "wordmath": WordmathConfig,
    "countdown": CountdownConfig,
    "equations": EquationsConfig,
    "logic": LogicConfig,
    "program": ProgramConfig,
    "plan": PlanConfig,
    "rewrite": RewriteConfig,
    "gsm8k": Gsm8kConfig,
    "jsonl": JsonlConfig,
    "reasoning_gym": ReasoningGymConfig,
    "mix": MixConfig,
}


def build_task(config: TaskConfig) -> Task:
    """The task that the configuration's class stands for. Raises UserError for options that cannot be."""
    match config:
        case ChainConfig():
            return ChainTask(config)
        case WordmathConfig():
            return WordmathTask(config)
        case CountdownConfig():
            return CountdownTask(config)
        case EquationsConfig():
            return EquationsTask(config)
        case LogicConfig():
            return LogicTask(config)
        case ProgramConfig():
            return ProgramTask(config)
        case PlanConfig():
            return PlanTask(config)
        case RewriteConfig():
            return RewriteTask(config)
        case Gsm8kConfig():
            return _judging_code(load_gsm8k(config), config)
        case JsonlConfig():
            return _judging_code(load_jsonl(config), config)
        case ReasoningGymConfig():
            return ReasoningGymTask(config)
        case MixConfig():
            return MixTask(config, {name: build_task(part) for name, part in config.parts.items()})
        case _:
            raise ValueError(f"no task is known for the configuration {type(config).__name__}")


def file_tasks(task: Task) -> list[FileTask]:
    """The task, or those of a mix's parts, whose problems stand in a file."""
    parts = task.parts.values() if isinstance(task, MixTask) else [task]
    return [part for part in parts if isinstance(part, FileTask)]


def varies(task: Task) -> bool:
    """Can the task, or a part of a mix, make new problems of old ones?"""
    parts = task.parts.values() if isinstance(task, MixTask) else [task]
    return any(isinstance(part, VariesProblems) for part in parts)


def validate(task: Task, count: int) -> list[Problem]:
    """The problems, of the first ``count`` of each split, whose own answer does not score 1: must be empty."""
    return rejected_answers(task, [problem for split in Split for problem in task.problems(split, count)])


def rejected_answers(task: Task, problems: Iterable[Problem]) -> list[Problem]:
    """Those of the problems whose own answer does not score 1 (under a grader: ``FileTask.accepts_own``)."""
    return [p for p in problems if not _accepts_own(task, p)]


def _accepts_own(task: Task, problem: Problem) -> bool:
    if isinstance(task, MixTask):
        return _accepts_own(*task.own(problem))
    accepts = task.accepts_own(problem) if isinstance(task, FileTask) else None
    if accepts is not None:
        return accepts
    return task.verifier.verify(problem, stated(task, problem.answer)).reward == 1.0


def stated(task: Task, answer: str) -> str:
    """The end of a solution that gives this answer, in the way of the task."""
    if isinstance(task, ProceduralTask):
        return task.stated(answer)
    return final_line(answer) if isinstance(task.verifier, CodeVerifier) else f"#### {answer}"


def _judging_code(task: FileTask, config: TaskConfig) -> FileTask:
    if config.step_format is StepFormat.CODE:
        task.verifier = CodeVerifier(task.verifier)
    return task
