"""What ``scripts.tasks`` was asked for: every task with an example, one in detail, or the proof of their verifiers."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, NoReturn, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from evolve.named_tasks import named_tasks
from evolve.supply_text import overlap_lines
from evolve.tasks_view import checks_table, detail, overview
from tasks.config import StepFormat, TaskConfig
from tasks.errors import UserError
from tasks.problem import Task
from tasks.registry import build_task, file_tasks
from tasks.validation import Checks, prove


@dataclass
class TasksConfig:
    """What is asked for."""

    name: str | None = None
    path: str | None = None
    validate: bool = False
    count: int = 50
    task: dict[str, Any] = field(default_factory=dict)


def show(asked: TasksConfig, console: Console) -> bool:
    """Print what was asked for; False if a check failed. Raises UserError for a task or options that cannot be."""
    if asked.validate:
        return _validate(asked, console)
    if asked.name is None:
        for name, config in named_tasks().items():
            console.print(overview(name, config, _example_of(name, config)))
    else:
        config = _config(asked)
        console.print(detail(asked.name, config, _built(config)))
    return True


def _validate(asked: TasksConfig, console: Console) -> bool:
    found: dict[str, Checks] = {}
    shared: list[str] = []
    for label, config in _validated(asked):
        with console.status(f"validating {label}"):
            task = _built(config)
            found[label] = prove(task, asked.count)
            shared += [line for part in file_tasks(task) for line in overlap_lines(part.name, part.overlap_report())]
    console.print(checks_table(found))
    for line in shared:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for name, checks in found.items():
        for kind, check in checks.items():
            for example in check.examples:
                console.print(f"{name}, {kind}: {example}", style="red", markup=False, highlight=False, soft_wrap=True)
    for name, config in named_tasks().items() if asked.name is None else ():
        if isinstance(reason := _example_of(name, config), str):
            console.print(f"Not checked: {name}. {reason}", highlight=False, markup=False, soft_wrap=True)
    return not any(check.failed for checks in found.values() for check in checks.values())


def _validated(asked: TasksConfig) -> Iterator[tuple[str, TaskConfig]]:
    """The named task, or every one that needs no file, those that have solutions in code with these too."""
    if asked.name is not None:
        yield asked.name, _config(asked)
        return
    for name, config in named_tasks().items():
        task = _example_of(name, config)
        if isinstance(task, str):
            continue
        yield name, config
        if getattr(task, "knows_code", False):
            yield f"{name}, code", replace(config, step_format=StepFormat.CODE)


def read_options(options: list[str]) -> TasksConfig:
    """The command line's ``option=value`` words. Raises UserError for what is no option, or no value of one."""
    known = [one.name for one in fields(TasksConfig)]
    for option in options:
        key, equals, _ = option.partition("=")
        if not equals:
            _refuse(f"{option!r:.80}: an option is written option=value; python -m scripts.tasks --help lists them")
        if key.split(".")[0] not in known or (key == "task") or ("." in key and not key.startswith("task.")):
            _unknown(key, known)
    asked = cast(TasksConfig, _merged(OmegaConf.structured(TasksConfig), options))
    if asked.name is not None and asked.name not in named_tasks():
        _unknown(asked.name, list(named_tasks()), "name=")
    if asked.name is None and (asked.path or asked.task):
        _refuse("path and task.X belong to one task; name it with name=...")
    if asked.count < 1:
        _refuse(f"count must be at least 1, got {asked.count}")
    return asked


def _config(asked: TasksConfig) -> TaskConfig:
    """The named task's configuration, with the options given."""
    assert asked.name is not None
    config = named_tasks()[asked.name]
    known = [one.name for one in fields(config)]
    for key in asked.task:
        if key not in known:
            _unknown(key, known, "task.")
    if asked.path is not None and "path" not in known:
        _refuse(f"path={asked.path}: the problems of {asked.name} are made on the spot and stand in no file")
    given = asked.task | ({} if asked.path is None else {"path": asked.path})
    return cast(TaskConfig, _merged(OmegaConf.structured(config), given))


def _merged(node: Any, given: Any) -> Any:
    try:
        more = OmegaConf.from_dotlist(given) if isinstance(given, list) else OmegaConf.create(given)
        return OmegaConf.to_object(OmegaConf.merge(node, more))
    except (OmegaConfBaseException, ValueError) as error:
        key = getattr(error, "full_key", None)
        _refuse(f"{f'{key}: ' if key else ''}{str(error).splitlines()[0]}")


def _built(config: TaskConfig) -> Task:
    if getattr(config, "path", None) == "":
        raise UserError(f"the problems of {config.name} stand in a file; give it with path=FILE")
    return build_task(config)


def _example_of(name: str, config: TaskConfig) -> Task | str:
    """The task as it is configured; or why there is none: it needs a file, or a library that is not installed."""
    if getattr(config, "path", None) == "":
        return f"Its problems stand in a file: name={name} path=FILE"
    try:
        return build_task(config)
    except UserError as error:
        return f"{error}"


def _unknown(word: str, known: list[str], prefix: str = "") -> NoReturn:
    close = difflib.get_close_matches(word, known, n=1)
    meant = f"; did you mean {prefix}{close[0]}?" if close else f"; choose from {', '.join(known)}"
    _refuse(f"there is no {prefix}{word}{meant}")


def _refuse(message: str) -> NoReturn:
    raise UserError(message)
