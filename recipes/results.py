"""The numbers of recipes: read where a stage wrote them, and kept in docs/systems/results.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recipes.recipe import Recipe, Size
from tasks.durable import write_json_atomic
from tasks.errors import DataError

RESULTS = "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its 95 % interval, where the file that it stands in has one."""

    value: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a recipe came to at lab size. ``digest``: ``Recipe.digest``; ``seconds`` by stage; ``date``: YYYY-MM-DD."""

    start: Figure
    number: Figure
    commit: str
    date: str
    digest: str
    seconds: Mapping[str, float]
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def is_better(self) -> bool:
        """Does the recipe beat its own start?"""
        return self.number.value > self.start.value


def result_of(recipe: Recipe, size: Size, commit: str, date: str, seconds: Mapping[str, float]) -> Result:
    """Read the recipe's figures from what its stages wrote. DataError for one that is not there."""
    root = Path("outputs") / recipe.folder(size)
    start, number = figure_at(root, recipe.start), figure_at(root, recipe.number)
    figures = {name: figure_at(root, place) for name, place in recipe.figures.items()}
    return Result(start, number, commit, date, recipe.digest(), dict(seconds), figures)


def figure_at(root: Path, place: str) -> Figure:
    """The figure at STAGE/FILE:PATH below ``root``; ``*`` in the file stands for the name written last.

    PATH is keys and places of lists, joined by dots; ``key=value,key=value`` is the one row of a list that says so. The
    interval is the entry beside the number that is called NAME_interval, or ``interval`` for ``mean``, ``accuracy`` and
    ``value``.
    """
    name, _, path = place.partition(":")
    files = sorted(root.glob(name), key=lambda each: each.stat().st_mtime_ns)
    if not files:
        raise DataError(f"{root / name}: there is no such file; run the recipe's stages")
    *inner, last = path.split(".")
    try:
        found = json.loads(files[-1].read_text(encoding="utf-8"))
        for key in inner:
            found = _inside(found, key)
        value = float(_inside(found, last))
        beside = "interval" if last in ("mean", "accuracy", "value") else f"{last}_interval"
        interval = found.get(beside) if isinstance(found, dict) else None
        return Figure(value, None if interval is None else (float(interval[0]), float(interval[1])))
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise DataError(f"{files[-1]}: there is no number at {path} ({error})") from error


def _inside(found: Any, key: str) -> Any:
    if "=" in key:
        wanted = dict(pair.split("=", 1) for pair in key.split(","))
        (row,) = [each for each in found if all(str(each[name]) == value for name, value in wanted.items())]
        return row
    return found[int(key)] if isinstance(found, list) else found[key]


def read_results(path: Path) -> dict[str, Result]:
    """Every result by the recipe's name; nothing if there is no file. DataError for a file that holds no results."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {name: _result(row) for name, row in rows.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: these are no results of recipes ({error}); run the recipes again") from error


def write_result(path: Path, name: str, result: Result) -> None:
    """Put a result into the file, which keeps the others."""
    rows = {other: asdict(each) for other, each in read_results(path).items()} | {name: asdict(result)}
    write_json_atomic(path, dict(sorted(rows.items())))


def _result(row: dict[str, Any]) -> Result:
    figures = {name: _figure(each) for name, each in row["figures"].items()}
    return Result(**{**row, "start": _figure(row["start"]), "number": _figure(row["number"]), "figures": figures})


def _figure(row: dict[str, Any]) -> Figure:
    interval = row["interval"]
    return Figure(float(row["value"]), None if interval is None else (float(interval[0]), float(interval[1])))
