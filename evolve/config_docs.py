"""``docs/config.md``, made from the dataclasses: names, types, defaults and the comments behind the fields."""

from __future__ import annotations

import ast
import inspect
import io
import json
import textwrap
import tokenize
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from evolve.config import RESULT_NEUTRAL, EvolveConfig
from tasks.config import TaskConfig
from tasks.fault import FaultConfig
from tasks.options import Option
from tasks.registry import TASK_CONFIGS
from tasks.suites.chain import ChainConfig

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", type(None): "null"}
_NEUTRAL = ", ".join(f"`{name}`" for name in sorted(RESULT_NEUTRAL))
_HEAD = f"""# Options

Made by `make docs` from the dataclasses in `evolve/config.py` and below; do not edit. Every option goes on the command
line under its dotted name:

    python -m scripts.evolve experiment=lab name=mine search.rollouts=32 evaluation.search.width=8 schedule.0.width=4

A whole part is exchanged by naming another choice of its group, as in `task=gsm8k` (the last section lists them). The
defaults below are the dataclasses'; a choice of a group may set others, and those hold: a run's `config.yaml` says
what was in force. A run that is resumed may change {_NEUTRAL}; any other change is refused.
"""


@dataclass(frozen=True, slots=True)
class _Row:
    """One option."""

    name: str
    kind: Any
    default: Any
    comment: str


def config_markdown(conf: Path) -> str:
    """The page; ``conf`` is the folder of the YAML groups."""
    config = EvolveConfig(task=ChainConfig())
    parts = [_HEAD, *_sections("", config)]
    for name, schema in TASK_CONFIGS.items():
        parts.append(_section(f"task={name}", schema(name), "task."))
    parts.append(_section("task.fault, of every task", FaultConfig(), "task.fault."))
    parts += [
        "## What the words mean\n",
        *filter(None, map(_word, _enumerations(config))),
        "## Choices of the groups\n",
        *_groups(conf),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def further_markdown(head: str, config: Any) -> str:
    """A page of the options that another program has beyond those of a run, whose page is ``config_markdown``'s."""
    known = {field.name: field.type for field in fields(EvolveConfig)}
    shared = {field.name for field in fields(config) if known.get(field.name) == field.type}
    told = _enumerations(EvolveConfig(task=ChainConfig()))
    words = [_word(option) for option in _enumerations(config) if option not in told]
    return "\n".join(part.rstrip() + "\n" for part in [head, *_sections("", config, shared), *filter(None, words)])


def programs_markdown(head: str, programs: Mapping[str, Any]) -> str:
    """A page of several programs, by name, each with the dataclass of its options."""
    sections = [part for name, config in programs.items() for part in _sections("", config, title=f"`{name}`")]
    words = {option: _word(option) for config in programs.values() for option in _enumerations(config, {})}
    told = ["## What the words mean\n", *filter(None, words.values())]
    return "\n".join(part.rstrip() + "\n" for part in [head, *sections, *told])


def comments_of(schema: type) -> dict[str, str]:
    """The comment of each field (of a dataclass or an enumeration), those of base classes included.

    It stands behind the field and may go on below it; a field that has none behind it may have it above.
    """
    found: dict[str, str] = {}
    for base in reversed(schema.__mro__):
        if is_dataclass(base) or issubclass(base, Option):
            found |= _own_comments(base)
    return found


def _own_comments(schema: type) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(schema))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    places = [(name, node.lineno, node.end_lineno or node.lineno) for node in body.body if (name := _field_name(node))]
    behind = [[comments[line] for line in range(first, last + 1) if line in comments] for _, first, last in places]
    below = [list(_lines_from(last + 1, source.splitlines(), comments)) for _, _, last in places]
    found = {}
    for at, (name, _, _) in enumerate(places):
        if behind[at]:  # what stands below goes on, unless it is the next field's only comment
            goes_on = at + 1 == len(places) or bool(behind[at + 1])
            found[name] = " ".join([*behind[at], *(below[at] if goes_on else [])])
        else:
            found[name] = " ".join(below[at - 1]) if at else ""
    return found


def _field_name(node: ast.stmt) -> str | None:
    target = node.target if isinstance(node, ast.AnnAssign) else getattr(node, "targets", [None])[0]
    return target.id if isinstance(target, ast.Name) else None


def _lines_from(line: int, source: list[str], comments: Mapping[int, str]) -> Iterator[str]:
    """The comments that have lines of their own, from this line on."""
    while line in comments and source[line - 1].lstrip().startswith("#"):
        yield comments[line]
        line += 1


def _sections(path: str, node: Any, without: Collection[str] = (), title: str = "") -> Iterator[str]:
    """The section of a dataclass, then those of the dataclasses in it; ``without`` some of its fields.

    ``title``: of the program, where a page tells of several.
    """
    named = ": ".join(filter(None, (title, path.rstrip(".")))) or "The run"
    yield _section(named, node, path, without)
    for field in fields(node):
        if field.name in without:
            continue
        value, item = getattr(node, field.name), _item(get_type_hints(type(node))[field.name])
        if isinstance(value, TaskConfig):
            continue
        if is_dataclass(value):
            yield from _sections(f"{path}{field.name}.", value, title=title)
        elif _is_told_below(item, node):
            place = (
                f"{path}{field.name}.{'NAME' if get_origin(get_type_hints(type(node))[field.name]) is dict else 'N'}"
            )
            yield from _sections(f"{place}.", item(), title=title)


def _section(title: str, node: Any, path: str, without: Collection[str] = ()) -> str:
    lines = [f"## {title}", "", _first_paragraph(type(node)), ""]
    rows = [row for row in _rows(node) if not is_dataclass(row.default) and row.name not in without]
    if rows:
        lines += ["| option | is | default | |", "|---|---|---|---|"]
    for row in rows:
        comment = row.comment.replace("|", "\\|").replace("<", "&lt;")
        lines.append(f"| `{path}{row.name}` | {_kind(row.kind)} | `{_shown(row.default)}` | {comment} |")
    return "\n".join([*lines, ""])


def _rows(node: Any) -> Iterator[_Row]:
    hints, comments = get_type_hints(type(node)), comments_of(type(node))
    for field in fields(node):
        kind = hints[field.name]
        option = next((each for each in (kind, *get_args(kind)) if _is_option(each)), None)
        comment = comments[field.name] or (_first_paragraph(option) if option else "")
        if not comment and not is_dataclass(getattr(node, field.name)):
            raise ValueError(f"{type(node).__name__}.{field.name} needs a comment behind it: what the option means")
        yield _Row(field.name, kind, getattr(node, field.name), comment)


def _is_option(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _item(kind: Any) -> Any:
    return get_args(kind)[-1] if get_origin(kind) in (list, dict) else None


def _is_told_below(item: Any, node: Any) -> bool:
    """Has what a list or mapping of ``node`` holds a section of its own? Not its own kind again, nor a task's."""
    return isinstance(item, type) and is_dataclass(item) and not issubclass(item, (type(node), TaskConfig))


def _kind(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return " or ".join(_kind(part) for part in get_args(kind))
    if get_origin(kind) is dict:
        return "entries by name" + (", see below" if is_dataclass(_item(kind)) else "")
    if get_origin(kind) is list:
        item = _item(kind)
        return "list of " + ("entries, see below" if is_dataclass(item) else f"{_kind(item)}s")
    if _is_option(kind):
        return ", ".join(f"`{member}`" for member in kind)
    return _WORDS[kind]


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, StrEnum) else json.dumps(value)
    return text if text.strip('"') else '""'


def _enumerations(node: Any, schemas: Mapping[str, type[TaskConfig]] = TASK_CONFIGS) -> list[type[Option]]:
    """Every enumeration that is an option somewhere, in the order of the page."""
    found: dict[type[Option], None] = {}
    for schema in (node, *(schema(name) for name, schema in schemas.items())):
        for row in _rows(schema):
            parts = (row.kind, *get_args(row.kind))
            found |= dict.fromkeys(part for part in parts if _is_option(part))
            item = _item(row.kind)
            inner = item() if _is_told_below(item, schema) else row.default
            if is_dataclass(inner):
                found |= dict.fromkeys(_enumerations(inner, {}))
    return list(found)


def _word(option: type[Option]) -> str:
    """What each value of an enumeration means; nothing where the values explain themselves."""
    comments = comments_of(option)
    if not any(comments.values()):
        return ""
    listed = [f"- `{member.value}`: {comments[member._name_]}" for member in option]
    return "\n".join([f"**{option.__name__}.** {_first_paragraph(option)}", "", *listed, ""])


def _first_paragraph(schema: type) -> str:
    return " ".join(inspect.cleandoc(schema.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")


def _groups(conf: Path) -> Iterator[str]:
    for group in sorted(path for path in conf.iterdir() if path.is_dir() and path.name != "recipe"):
        lines = [f"**{group.name}**", ""]
        for path in sorted(group.glob("*.yaml")):
            text = path.read_text(encoding="utf-8")
            said = " ".join(line[2:] for line in text.splitlines() if line.startswith("# ") and "@package" not in line)
            settings = {name: value for name, value in (yaml.safe_load(text) or {}).items() if name != "defaults"}
            sets = ", ".join(f"`{name}={value}`" for name, value in _flat(settings, ""))
            if group.name == "experiment":
                sets = f"what `conf/experiment/{path.name}` says"  # it reaches into every part
            lines.append(f"- `{group.name}={path.stem}`: {said}" + (f" Sets {sets}." if sets else ""))
        yield "\n".join([*lines, ""])


def _flat(value: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _shown(inner)
