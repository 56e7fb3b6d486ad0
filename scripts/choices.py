"""Which groups and experiments a program has, and what a bad choice is answered with."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CONF = Path(__file__).resolve().parent.parent / "conf"
_PROGRAMS = ("evolve", "compare", "train", "evaluate")
_KINDS = {"Integer": "a whole number", "Float": "a number"}


def groups_of(program: str) -> list[str]:
    """The groups that a program's options are chosen from."""
    named = (each for each in _read(CONF / f"{program}.yaml")["defaults"] if isinstance(each, dict))
    return sorted(group for (group,) in named if (CONF / group).is_dir())


def choices_of(program: str, schema: type[Any], group: str) -> list[str]:
    """What a group of a program can be; of the experiments those that fit it."""
    names = sorted(path.stem for path in (CONF / group).glob("*.yaml"))
    return [name for name in names if group != "experiment" or _fits(name, program, schema)]


def refusal(program: str, schema: type[Any], group: str, choice: str) -> str | None:
    """Why a program cannot take ``group=choice``, in a sentence; None if it can."""
    if group not in groups_of(program):
        others = [f"scripts.{each}" for each in _PROGRAMS if group in groups_of(each)]
        return f"scripts.{program} has no {group}, unlike {', '.join(others)}"
    known = choices_of(program, schema, group)
    if choice in known:
        return None
    if (CONF / group / f"{choice}.yaml").exists():
        other = "evolve" if program in ("compare", "train") else "compare"
        return f"{choice} is an experiment of scripts.{other}, not of scripts.{program}; choose from {', '.join(known)}"
    return no_choice(group, choice, known)


def no_choice(name: str, choice: str, known: list[str]) -> str:
    """The sentence for a choice that there is not."""
    meant = did_you_mean(choice, known)
    return f"{name} has no choice {choice}{meant + ' Choose' if meant else '; choose'} from {', '.join(known)}"


def did_you_mean(word: str, known: list[str]) -> str:
    """``; did you mean ...?``, or nothing where nothing is near. The last part of a dotted name tells most."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    tails = [key for key in known if key.rsplit(".", 1)[-1] == word.rsplit(".", 1)[-1]]
    meant = tails[:1] or close
    return f"; did you mean {meant[0]}?" if meant else ""


def plain(option: str, said: str) -> str:
    """What the library says of an option's value, in our words."""
    if found := re.fullmatch(r"Value '(.*)' of type '.*' could not be converted to (\w+)", said):
        return f"{option} wants {_KINDS.get(found[2], found[2])}, got {found[1]}"
    if found := re.match(r"Value '(.*)' is not a valid bool", said):
        return f"{option} wants true or false, got {found[1]}"
    if found := re.fullmatch(r"Invalid value '(.*)', expected one of \[(.*)\]", said):
        return no_choice(option, found[1], found[2].split(", "))
    if re.match(r"Invalid value assigned: \w+ is not a ListConfig", said):
        return f"{option} wants a list, such as [1,2]"
    return f"{option}: {said}"


def _fits(experiment: str, program: str, schema: type[Any]) -> bool:
    """Does an experiment set only what the program has?"""
    known = {field.name for field in fields(schema)} | set(groups_of(program))
    return all(name in known for name in _sets(CONF / "experiment" / f"{experiment}.yaml"))


def _sets(path: Path) -> Iterator[str]:
    """The groups and the top-level options that an experiment sets, those of the experiments below it too."""
    found = _read(path)
    yield from (name for name in found if name != "defaults")
    for each in found.get("defaults", []):
        if isinstance(each, dict):
            yield from (group.removeprefix("override ").removeprefix("/").partition("@")[0] for group in each)
        elif each != "_self_":
            yield from _sets(path.with_name(f"{each}.yaml"))


@cache
def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return found
