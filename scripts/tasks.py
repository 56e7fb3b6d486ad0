"""What tasks there are, with an example each, and the proof that their verifiers are exact."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console

from scripts.errors import Arguments, fail, guarded
from scripts.tasks_view import checks_table, detail, overview
from tasks.config import StepFormat, TaskConfig
from tasks.errors import UserError
from tasks.problem import Task
from tasks.registry import TASK_CONFIGS, build_task
from tasks.validation import Checks, prove

ABOUT = f"""\
python -m scripts.tasks                             every task with an example
python -m scripts.tasks name=wordmath               one of them in detail
python -m scripts.tasks name=wordmath task.max_operations=6 task.step_format=code
python -m scripts.tasks name=gsm8k path=FILE.jsonl  a task whose problems stand in a file
python -m scripts.tasks validate=true               prove that own answers score 1 and perturbed ones 0

name      {", ".join(TASK_CONFIGS)}
path      the file of a task that has one (with name=...)
validate  true: check every task, or the one named; exit code 1 if a check fails
count     with validate=true: problems of each split, and worked solutions (50)
task.X    option X of the task named, as docs/config.md lists them
"""


@dataclass
class TasksConfig:
    """What is asked for."""

    name: str | None = None
    path: str | None = None
    validate: bool = False
    count: int = 50
    task: dict[str, Any] = field(default_factory=dict)


def main() -> None:
    """Read the command line, print what it asks for; exit code 1 if a check fails."""
    parser = Arguments(prog="python -m scripts.tasks", description=__doc__, epilog=ABOUT, formatter_class=_raw())
    parser.add_argument("options", nargs="*", metavar="option=value")
    given = parser.parse_args().options
    guarded(lambda: sys.exit(0 if _run(_read(given), Console()) else 1))


def _raw() -> Any:
    from argparse import RawDescriptionHelpFormatter

    return RawDescriptionHelpFormatter


def _run(asked: TasksConfig, console: Console) -> bool:
    """Print; False if a check failed."""
    if asked.validate:
        return _validate(asked, console)
    if asked.name is None:
        for name, schema in TASK_CONFIGS.items():
            console.print(overview(name, schema(name), None if _needs_path(schema) else build_task(schema(name))))
    else:
        config = _config(asked)
        console.print(detail(asked.name, config, _built(config)))
    return True


def _validate(asked: TasksConfig, console: Console) -> bool:
    found: dict[str, Checks] = {}
    for label, config in _validated(asked):
        with console.status(f"validating {label}"):
            found[label] = prove(_built(config), asked.count)
    console.print(checks_table(found))
    for name, checks in found.items():
        for kind, check in checks.items():
            for example in check.examples:
                console.print(f"{name}, {kind}: {example}", style="red", markup=False, highlight=False, soft_wrap=True)
    skipped = [name for name, schema in TASK_CONFIGS.items() if _needs_path(schema) and asked.name is None]
    if skipped:
        console.print(f"Not checked, for they need a file (name=... path=...): {', '.join(skipped)}", highlight=False)
    return not any(check.failed for checks in found.values() for check in checks.values())


def _validated(asked: TasksConfig) -> Iterator[tuple[str, TaskConfig]]:
    """The named task, or every one that needs no file, those that have solutions in code with these too."""
    if asked.name is not None:
        yield asked.name, _config(asked)
        return
    for name, schema in TASK_CONFIGS.items():
        if _needs_path(schema):
            continue
        yield name, schema(name)
        if getattr(build_task(schema(name)), "knows_code", False):
            yield f"{name}, code", schema(name, step_format=StepFormat.CODE)


def _read(options: list[str]) -> TasksConfig:
    known = [one.name for one in fields(TasksConfig)]
    for option in options:
        key, equals, _ = option.partition("=")
        if not equals:
            fail(f"{option!r:.80}: an option is written option=value; python -m scripts.tasks --help lists them")
        if key.split(".")[0] not in known or (key == "task") or ("." in key and not key.startswith("task.")):
            _unknown(key, known)
    asked = cast(TasksConfig, _merged(OmegaConf.structured(TasksConfig), options))
    if asked.name is not None and asked.name not in TASK_CONFIGS:
        _unknown(asked.name, list(TASK_CONFIGS), "name=")
    if asked.name is None and (asked.path or asked.task):
        fail("path and task.X belong to one task; name it with name=...")
    if asked.count < 1:
        fail(f"count must be at least 1, got {asked.count}")
    return asked


def _config(asked: TasksConfig) -> TaskConfig:
    """The named task's configuration, with the options given."""
    assert asked.name is not None
    schema = TASK_CONFIGS[asked.name]
    known = [one.name for one in fields(schema)]
    for key in asked.task:
        if key not in known:
            _unknown(key, known, "task.")
    if asked.path is not None and "path" not in known:
        fail(f"path={asked.path}: the problems of {asked.name} are made on the spot and stand in no file")
    given = asked.task | ({} if asked.path is None else {"path": asked.path})
    return cast(TaskConfig, _merged(OmegaConf.structured(schema(asked.name)), given))


def _merged(node: Any, given: Any) -> Any:
    try:
        more = OmegaConf.from_dotlist(given) if isinstance(given, list) else OmegaConf.create(given)
        return OmegaConf.to_object(OmegaConf.merge(node, more))
    except (OmegaConfBaseException, ValueError) as error:
        key = getattr(error, "full_key", None)
        fail(f"{f'{key}: ' if key else ''}{str(error).splitlines()[0]}")


def _built(config: TaskConfig) -> Task:
    if getattr(config, "path", None) == "":
        raise UserError(f"the problems of {config.name} stand in a file; give it with path=FILE")
    return build_task(config)


def _needs_path(schema: type[TaskConfig]) -> bool:
    return any(one.name == "path" for one in fields(schema))


def _unknown(word: str, known: list[str], prefix: str = "") -> NoReturn:
    close = difflib.get_close_matches(word, known, n=1)
    meant = f"; did you mean {prefix}{close[0]}?" if close else f"; choose from {', '.join(known)}"
    fail(f"there is no {prefix}{word}{meant}")


if __name__ == "__main__":
    main()
