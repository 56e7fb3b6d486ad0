"""docs/systems: the map of the field in README.md, and the measured number on each system's page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from recipes.recipe import COLUMNS, Recipe, read_recipes
from recipes.report import NOT_RUN, shown, status, verdict
from recipes.results import RESULTS, Result, read_results
from tasks.errors import DataError

_BEGIN, _END = "<!-- lab number: written by make docs -->", "<!-- end of lab number -->"
_BLOCK = re.compile(re.escape(_BEGIN) + ".*?" + re.escape(_END), re.S)
_HEAD = """# Systems

Made by `make docs` from `conf/recipe`; do not edit. Each system is a *recipe*: an ordered list of this project's own
commands, built of parts that every run can have. Its page tells what the paper does, which line does it here, what
differs, and what came out.

    python -m scripts.recipes                                    # all of them, with their last numbers
    python -m scripts.recipes run=rstar_math dry_run=true        # its commands, checked
    python -m scripts.recipes run=rstar_math                     # at lab size: minutes on two cores
    python -m scripts.recipes run=all size=tiny                  # every stage in seconds (make test-recipes)

A recipe that stopped goes on where it stood; one that fails does not hold up the others. `outputs/recipes/NAME` then
holds `REPORT.md`, a log of each stage, and what the stages wrote. For real weights type the commands of the dry run
with `policy=folder policy.path=FOLDER` and another `task`; [real_weights.md](real_weights.md) goes through it.

## The map of the field

Each cell names the option that does it here.
"""
_FORMAT = """## A recipe's file

`conf/recipe/NAME.yaml` holds `title`, `paper` (arXiv id), `page`, `minutes` (expected at lab size), `map` (the cells
above; an `option=value` in them must hold in some stage, which a test checks), and

- `stages`: `name`, `program`, `overrides`, and `tiny`, which the tiny size adds. A stage is the command `python -m
  scripts.PROGRAM OVERRIDES name=recipes/NAME/STAGE` (`label`, `train_prm` and `eval_prm` take `out=` in its place,
  `convert_labels` its own `--out=`); `$STAGE` stands for the folder of an earlier one (of `label` for the file).
- `start`, `number` and, by what they are called, `figures`: where the numbers stand, as `STAGE/FILE:PATH`. The path
  goes into JSON by keys and places: `rounds/summary.json:rounds.-1.greedy`; `key=value,key=value` picks a row of a
  list.
- `chart`: a picture or page that a stage writes.
"""


def pages(conf: Path, docs: Path) -> dict[Path, str]:
    """What every generated page below ``docs``/systems should say. DataError for one without a place for its number."""
    recipes, results = read_recipes(conf / "recipe"), read_results(docs / "systems" / RESULTS)
    found = {docs / "systems" / "README.md": _map(recipes, results)}
    for name, recipe in recipes.items():
        page = docs.parent / recipe.page
        text = page.read_text(encoding="utf-8") if page.is_file() else ""
        if text and not _BLOCK.search(text):
            raise DataError(f"{page}: it has no place for the lab number; put {_BEGIN} and {_END} on lines")
        if text:
            block = "\n".join([_BEGIN, *_block(recipe, results.get(name)), _END])
            found[page] = _BLOCK.sub(lambda _, block=block: block, text)  # type: ignore[misc]
    return found


def _map(recipes: Mapping[str, Recipe], results: Mapping[str, Result]) -> str:
    head = ["system", *(name.replace("_", " ").replace("prm loss", "PRM loss") for name in COLUMNS), "start", "end"]
    lines = [_HEAD, f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for name, recipe in recipes.items():
        result = results.get(name)
        told = [shown(result.start), shown(result.number)] if result else [NOT_RUN, NOT_RUN]
        cells = [f"[{recipe.title}]({Path(recipe.page).name})", *(recipe.map[column] for column in COLUMNS), *told]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, "", _FORMAT])


def _block(recipe: Recipe, result: Result | None) -> Iterator[str]:
    if result is None:
        yield f"**Lab number: {NOT_RUN}.** `python -m scripts.recipes run={recipe.name}`"
        return
    yield f"**Lab number: {shown(result.number)}, from {shown(result.start)} at the start.** {verdict(result)}"
    yield f"`python -m scripts.recipes run={recipe.name}`, commit {result.commit}, {result.date}, "
    yield f"{sum(result.seconds.values()):.0f} s; 95 % intervals."
    if status(recipe, result) != "measured":
        yield "The recipe's commands have changed since then."
    if result.figures:
        yield from ("", "| | |", "|---|---|")
        yield from (f"| {name} | {shown(figure)} |" for name, figure in result.figures.items())
