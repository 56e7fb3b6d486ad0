"""What a recipe says, and the commands that it stands for."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from recipes.programs import PROGRAMS
from tasks.errors import DataError, UserError
from tasks.options import Option

COLUMNS = ("search", "labels", "prm_loss", "credit", "policy_update", "verifier", "rounds")
"""What the map of the field tells of each system."""
_NAME = re.compile(r"[a-z0-9_]+")
_REFERENCE = re.compile(r"\$([a-z0-9_]+)")


class Size(Option):
    """How large a recipe is run."""

    LAB = "lab"  # minutes on two cores; its numbers are kept
    TINY = "tiny"  # seconds, to see that every stage works; its numbers mean nothing


@dataclass(frozen=True, slots=True)
class RecipeStage:
    """One command. ``$STAGE`` in an override stands for what that earlier stage wrote."""

    name: str
    program: str
    overrides: tuple[str, ...]
    tiny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A system. ``start``, ``number`` and ``figures`` are places: STAGE/FILE:PATH (``recipes.results.figure_at``)."""

    name: str
    title: str
    paper: str  # arXiv id
    page: str  # docs/systems/NAME.md
    minutes: float  # expected at lab size on two quiet cores, until it was measured
    stages: tuple[RecipeStage, ...]
    start: str
    number: str
    chart: str  # a picture or page that a stage writes: STAGE/FILE
    map: Mapping[str, str]  # a cell for each of COLUMNS
    figures: Mapping[str, str] = field(default_factory=dict)  # further ones, by what they are called

    def folder(self, size: Size) -> str:
        """Where it writes, below outputs."""
        return f"recipes/{self.name}" if size is Size.LAB else f"recipes_tiny/{self.name}"

    def words(self, stage: RecipeStage, size: Size) -> list[str]:
        """The command of a stage, without the interpreter: ``-m scripts.PROGRAM``, and its options."""
        program = PROGRAMS[stage.program]
        is_tiny = size is Size.TINY
        words = [*stage.overrides, *program.always, *(program.tiny + stage.tiny if is_tiny else ())]
        if program.place:
            words.append(program.place.format(folder=f"{self.folder(size)}/{stage.name}"))
        return ["-m", f"scripts.{stage.program}", *(self._resolved(word, stage, size) for word in words)]

    def written(self, stage: RecipeStage, size: Size) -> Path:
        """The folder or file that a stage leaves; of one without a place of its own, the recipe's folder."""
        path = Path("outputs") / self.folder(size)
        if place := PROGRAMS[stage.program].place:
            path /= stage.name + Path(place).suffix
        return path

    def digest(self) -> str:
        """Changes with the commands of the lab size: a number of another digest was measured with another recipe."""
        said = json.dumps([self.words(stage, Size.LAB) for stage in self.stages])
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def _resolved(self, word: str, stage: RecipeStage, size: Size) -> str:
        before = {each.name: each for each in self.stages[: self.stages.index(stage)]}

        def path_of(found: re.Match[str]) -> str:
            if found[1] not in before:
                raise UserError(f"recipe {self.name}, stage {stage.name}: ${found[1]} is no stage before it")
            return self.written(before[found[1]], size).as_posix()

        return _REFERENCE.sub(path_of, word)


def read_recipes(folder: Path) -> dict[str, Recipe]:
    """Every recipe of a folder by name. DataError naming the file for what is no recipe."""
    return {path.stem: read_recipe(path) for path in sorted(folder.glob("*.yaml"))}


def read_recipe(path: Path) -> Recipe:
    """One recipe. DataError naming the file for what is none."""
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        _require(isinstance(said, dict), path, "holds entries by name", type(said).__name__)
        known = {each.name for each in fields(Recipe)} - {"name"}
        _require(not set(said) - known, path, f"has {', '.join(sorted(known))}", str(sorted(set(said) - known)))
        stages = tuple(_stage(each, path) for each in said.pop("stages"))
        recipe = Recipe(name=path.stem, stages=stages, **said)
    except (OSError, yaml.YAMLError, TypeError, KeyError) as error:
        raise DataError(f"{path}: this is no recipe ({error}); docs/systems/README.md says what one holds") from error
    names = [stage.name for stage in stages]
    _require(bool(names) and len(set(names)) == len(names), path, "has stages of different names", str(names))
    _require(set(recipe.map) == set(COLUMNS), path, f"has a map of {', '.join(COLUMNS)}", ", ".join(recipe.map))
    for place in (recipe.start, recipe.number, recipe.chart, *recipe.figures.values()):
        _require(place.split("/")[0] in names, path, f"has places in its stages {', '.join(names)}", place)
    return recipe


def _stage(said: Any, path: Path) -> RecipeStage:
    lists = {key: tuple(_flat(said.get(key, ()))) for key in ("overrides", "tiny")}
    stage = RecipeStage(said["name"], said["program"], **lists)
    _require(bool(_NAME.fullmatch(stage.name)), path, "has stages named by small letters, digits and _", stage.name)
    _require(stage.program in PROGRAMS, path, f"calls one of {', '.join(PROGRAMS)}", stage.program)
    _require(not set(said) - {"name", "program", "overrides", "tiny"}, path, "has stages of known parts", str([*said]))
    return stage


def _flat(words: Any) -> Iterator[str]:
    """The words of a list, and of the lists in it: what several stages share stands in the file once, as an anchor."""
    for word in words:
        yield from _flat(word) if isinstance(word, list) else [str(word)]


def _require(holds: bool, path: Path, rule: str, found: str) -> None:
    if not holds:
        raise DataError(f"{path}: a recipe {rule}, but found {found:.200}")
