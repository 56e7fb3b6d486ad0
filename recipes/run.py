"""Running recipes: one stage after another, each a command of its own; a recipe that fails does not hold up the others.

What is finished stands in ``stages.json`` of the recipe's folder and is not done again; a stage that was interrupted is
started again, and goes on where it stopped if its program can. Before a stage begins, what is there of later ones is
marked ``stale``: it was made of what the stage makes anew, and is begun anew itself.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from evolve.provenance import describe_start
from recipes.programs import OVERWRITE, PROGRAMS
from recipes.recipe import Recipe, RecipeStage, Size
from recipes.report import write_report
from recipes.results import Result, read_results, result_of, write_result
from tasks.durable import write_json_atomic
from tasks.errors import DataError, UserError

STAGES = "stages.json"
_HYDRA = "Set the environment variable HYDRA_FULL_ERROR"  # what it says after every fault of ours
Say = Callable[[str], None]


def _print(line: str) -> None:
    print(line, flush=True)  # at once: what the stages complain of stands between the lines


@dataclass
class Run:
    """How recipes are run. ``results``: the file that keeps the numbers of the lab size. ``say``: told each line."""

    size: Size
    results: Path
    overwrite: bool = False
    say: Say = _print
    failed: dict[str, str] = field(default_factory=dict)  # why, by the recipe's name


def run_recipes(recipes: Sequence[Recipe], run: Run) -> None:
    """Run them in order; ``run.failed`` then says which failed, and why."""
    left = _expected(recipes, read_results(run.results))
    for number, recipe in enumerate(recipes, start=1):
        minutes = sum(left[each.name] for each in recipes[number - 1 :]) / 60
        about = f", about {minutes:.0f} min left" if run.size is Size.LAB else ""
        run.say(f"[{number}/{len(recipes)}] {recipe.name}: {recipe.title}{about}")
        try:
            result = _Progress(recipe, run).run()
            run.say(f"{recipe.name}: {_told(result)}")
        except UserError as error:
            run.failed[recipe.name] = str(error)
            run.say(f"{recipe.name} failed: {error}")


def read_stages(recipe: Recipe, size: Size) -> dict[str, Any]:
    """What is known of the stages that were run: ``command``, ``seconds``, ``commit`` and, of one that failed, why."""
    path = Path("outputs") / recipe.folder(size) / STAGES
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it, and the recipe looks at its stages anew") from error


def _expected(recipes: Sequence[Recipe], results: Mapping[str, Result]) -> dict[str, float]:
    """Seconds by recipe, as last measured or else as the recipe says."""
    return {
        each.name: sum(results[each.name].seconds.values()) if each.name in results else 60 * each.minutes
        for each in recipes
    }


def _told(result: Result) -> str:
    return f"{100 * result.start.value:.1f} % at the start, {100 * result.number.value:.1f} % at the end"


class _Progress:
    """One recipe on its way."""

    def __init__(self, recipe: Recipe, run: Run) -> None:
        self._recipe, self._run = recipe, run
        self._folder = Path("outputs") / recipe.folder(run.size)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._stages = {} if run.overwrite else read_stages(recipe, run.size)

    def run(self) -> Result:
        """Do what is not done; then read the figures and write the report. UserError with the reason of a failure."""
        for number, stage in enumerate(self._recipe.stages, start=1):
            words = self._recipe.words(stage, self._run.size)
            if not self._is_done(stage, words):
                self._run.say(
                    f"  {self._recipe.name}, stage {number} of {len(self._recipe.stages)} ({stage.name}): "
                    f"python {shlex.join(words)}"
                )
                self._do(stage, words)
        rows = [self._stages[stage.name] for stage in self._recipe.stages]
        commits = "+".join(dict.fromkeys(row["commit"] for row in rows))
        seconds = {stage.name: row["seconds"] for stage, row in zip(self._recipe.stages, rows, strict=True)}
        result = result_of(self._recipe, self._run.size, commit=commits, date=rows[-1]["date"], seconds=seconds)
        write_report(self._folder, self._recipe, self._run.size, result)
        if self._run.size is Size.LAB:
            write_result(self._run.results, self._recipe.name, result)
        return result

    def _is_done(self, stage: RecipeStage, words: list[str]) -> bool:
        known = self._stages.get(stage.name, {})
        is_whole = known.get("command") == words and "failed" not in known and "stale" not in known
        return is_whole and self._recipe.written(stage, self._run.size).exists()

    def _do(self, stage: RecipeStage, words: list[str]) -> None:
        known = self._stages.get(stage.name, {})
        is_fresh = self._run.overwrite or self._is_stale(stage)
        goes_on = not is_fresh and known.get("command") == words and "failed" in known
        spent = known["seconds"] if goes_on else 0.0
        row: dict[str, Any] = {"command": words, "commit": _commit(), "date": datetime.now(UTC).date().isoformat()}
        anew = is_fresh and PROGRAMS[stage.program].resumes
        begun, failed = time.monotonic(), "it was interrupted"
        mark = {"failed": failed} | ({"stale": True, "begun": time.time()} if anew else {})
        self._mark(stage, row | {"seconds": spent} | mark)
        try:
            failed = _call([*words, *([OVERWRITE] if anew else [])], self._folder / f"{stage.name}.log")
        finally:
            row["seconds"] = round(spent + time.monotonic() - begun, 1)
            self._stages[stage.name] = row | (mark | {"failed": failed} if failed else {})
            write_json_atomic(self._folder / STAGES, self._stages)
        if failed:
            raise UserError(f"stage {stage.name}: {failed} (all of it: {self._folder / f'{stage.name}.log'})")

    def _mark(self, stage: RecipeStage, row: dict[str, Any]) -> None:
        """Before a stage begins: a kill leaves it interrupted, and all that is there of later ones stale."""
        self._stages[stage.name] = row
        for later in self._recipe.stages[self._recipe.stages.index(stage) + 1 :]:
            known = self._stages.get(later.name, {})
            if known or self._recipe.written(later, self._run.size).exists():
                self._stages[later.name] = {key: known[key] for key in known if key != "begun"} | {"stale": True}
        write_json_atomic(self._folder / STAGES, self._stages)

    def _is_stale(self, stage: RecipeStage) -> bool:
        """Is what is there made of what has changed since? Not if it was begun anew, and only interrupted then."""
        known = self._stages.get(stage.name, {})
        if "stale" not in known or "begun" not in known:
            return "stale" in known
        record = self._recipe.written(stage, self._run.size) / "run.json"
        return not record.exists() or record.stat().st_mtime < known["begun"]


def _call(words: list[str], log: Path) -> str:
    """Run a program; its lines go to ``log``, and its complaints to standard error too. Why it failed, or nothing."""
    with log.open("a", encoding="utf-8") as file:
        print(f"$ python {shlex.join(words)}", file=file, flush=True)
        with subprocess.Popen(
            [sys.executable, *words], stdout=file, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as process:
            try:
                last = _follow(process.stderr, file)
                code = process.wait()
            except BaseException:
                process.terminate()
                raise
    return "" if code == 0 else last.removeprefix("error: ") or f"it ended with exit code {code}"


def _follow(lines: IO[str] | None, file: IO[str]) -> str:
    """Pass the lines on; the last that is an error, or else the last."""
    assert lines is not None, "it was asked for"
    last = ""
    for line in lines:
        print(line, end="", file=file, flush=True)
        print(line, end="", file=sys.stderr, flush=True)
        if line.strip() and not last.startswith("error: ") and not line.startswith(_HYDRA):
            last = line.strip()
    return last


@cache
def _commit() -> str:
    """The commit that runs, with a + if files differ from it; ``unknown`` outside a checkout."""
    git = describe_start()["git"]
    return "unknown" if git is None else git["commit"][:7] + "+" * bool(git["dirty"])
