"""Tasks as panels and tables for the terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from evolve.config_docs import comments_of
from tasks.config import TaskConfig
from tasks.problem import Demonstration, Problem, Split, Task
from tasks.suites.procedural import ProceduralTask
from tasks.validation import Checks

_PROBED = 200  # problems whose levels are counted
_SHOWN = 3
_EVERYTHING = 10**9


def overview(name: str, config: TaskConfig, task: Task | str) -> Panel:
    """A task with one worked example, or the reason why there is none to show."""
    if isinstance(task, str):
        return Panel(Text(f"{_about(config)}\n{task}"), title=name)
    shown = _worked(task, 1)
    body: list[RenderableType] = [_example(task, one) for one in shown]
    return Panel(Group(Text(f"{_about(config)}\n"), *body, Text(f"splits   {_sizes(task)}")), title=name)


def detail(name: str, config: TaskConfig, task: Task) -> Group:
    """A task's options, splits, levels, worked examples, and a demonstration that errs."""
    problems = task.problems(Split.TRAIN, _PROBED)
    levels = Counter(problem.meta.get("level") for problem in problems)
    counted = ", ".join(f"{level}: {levels[level]}" for level in sorted(levels, key=str))
    parts: list[RenderableType] = [
        Text(_about(config), style="bold"),
        Text(f"splits   {_sizes(task)}\nlevels   {counted} (of {len(problems)} training problems)"),
        _options(config),
        *(Panel(_example(task, shown), title="worked") for shown in _worked(task, _SHOWN)),
        *(Panel(part, title="a demonstration that errs") for part in _mistake(task)),
    ]
    if not _worked(task, 1):
        parts += [Panel(_asked(problem), title="problem") for problem in problems[:_SHOWN]]
    return Group(Text(name, style="bold underline"), *parts)


def checks_table(found: dict[str, Checks]) -> Table:
    """A row per task, how much was tried and how much failed, with the failed checks below; of one task every check.

    Fits 80 columns.
    """
    table = Table("task", box=box.SIMPLE_HEAD)
    for column in ("checks", "tried", "failed"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, checks in found.items():
        tried = [check for check in checks.values() if check.tried]
        trials, failures = sum(check.tried for check in tried), sum(check.failed for check in tried)
        table.add_row(name, str(len(tried)), str(trials), _failures(failures))
        for kind, check in checks.items():
            if check.failed or (check.tried and len(found) == 1):
                table.add_row(Text(f"  {kind}", style="dim"), "", str(check.tried), _failures(check.failed))
    return table


def _failures(count: int) -> Text:
    return Text(str(count), style="bold red" if count else "green")


def _about(config: TaskConfig) -> str:
    """What the module of the task says first."""
    said = " ".join((sys.modules[type(config).__module__].__doc__ or "").split("\n\n")[0].split())
    return said.replace("``", "")


def _sizes(task: Task) -> str:
    if isinstance(task, ProceduralTask):
        return "procedural: train, validation and held-out problems are drawn as they are needed"
    return ", ".join(f"{split} {len(task.problems(split, _EVERYTHING))}" for split in Split)


def _worked(task: Task, count: int) -> Sequence[Demonstration]:
    return (task.flawless() if isinstance(task, ProceduralTask) else task).demonstrations(count)


def _asked(problem: Problem) -> Group:
    return _block(("problem", problem.prompt.rstrip("\n")), ("answer", problem.answer))


def _example(task: Task, shown: Demonstration) -> Group:
    prompt = shown.problem.prompt.rstrip("\n")
    return _block(("problem", prompt), ("worked", shown.solution), ("answer", shown.problem.answer))


def _mistake(task: Task) -> Iterator[Group]:
    """The first demonstration with a step that the oracle finds wrong."""
    if task.oracle is None or not isinstance(task, ProceduralTask):
        return
    for shown in task.demonstrations(_PROBED):
        steps = task.steps(shown.solution)
        labels = task.oracle.step_labels(shown.problem, steps)
        if not all(labels):
            told = Text()
            for step, is_right in zip(steps, labels, strict=True):
                told.append(f"{'right' if is_right else 'WRONG'}  ", style="green" if is_right else "bold red")
                told.append(step.rstrip("\n").replace("\n", "\n       ") + "\n")
            yield Group(_asked(shown.problem), Padding(told, (0, 0, 0, 9)))
            return


def _options(config: TaskConfig) -> Table:
    table = Table("option", "value", "", box=box.SIMPLE_HEAD)
    for name, value, comment in _rows(config, "task."):
        table.add_row(name, Text(value), Text(comment))
    return table


def _rows(config: Any, prefix: str) -> Iterator[tuple[str, str, str]]:
    comments = comments_of(type(config))
    for option in fields(config):
        value = getattr(config, option.name)
        if is_dataclass(value):
            yield from _rows(value, f"{prefix}{option.name}.")
        else:
            yield f"{prefix}{option.name}", str(value), comments[option.name]


def _block(*rows: tuple[str, str]) -> Group:
    table = Table.grid(padding=(0, 2))
    for label, text in rows:
        table.add_row(Text(label, style="dim"), Text(text))
    return Group(table)
