"""Run published systems by name: python -m scripts.recipes run=rstar_math

Without run all recipes are listed, with what they last came to. docs/systems/README.md maps them.
"""

from __future__ import annotations

import shlex
import sys
from argparse import RawDescriptionHelpFormatter

from rich.console import Console

from recipes.asked import RecipesAsked, chosen, read_asked
from recipes.recipe import Recipe, read_recipes
from recipes.report import listing
from recipes.results import RESULTS, read_results
from recipes.run import Run, run_recipes
from scripts.choices import CONF
from scripts.composing import composed
from scripts.errors import Arguments, guarded

ABOUT = """\
run        NAME, NAME,NAME or all
size       lab: minutes each on two cores, its numbers are kept in docs/systems; tiny: seconds, to see that it works
dry_run    true: check and print the commands, and stop
overwrite  true: begin anew what is there

Exit code 1: a recipe failed; the others are done, and the same command tries it again.
"""
FILE = CONF.parent / "docs" / "systems" / RESULTS


def main() -> None:
    """Read the command line, list or run."""
    parser = Arguments(
        prog="python -m scripts.recipes",
        description=__doc__,
        epilog=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("options", nargs="*", metavar="option=value")
    given = parser.parse_args().options
    guarded(lambda: run(read_asked(given)))


def run(asked: RecipesAsked) -> None:
    """List, print or run what is asked for."""
    known = read_recipes(CONF / "recipe")
    wanted = chosen(known, asked.run)
    if not wanted:
        return Console().print(listing(known, read_results(FILE)))
    for recipe in wanted:
        check(recipe, asked)
    if not asked.dry_run:
        todo = Run(asked.size, FILE, asked.overwrite)
        run_recipes(wanted, todo)
        sys.exit(1 if todo.failed else 0)


def check(recipe: Recipe, asked: RecipesAsked) -> None:
    """Compose every stage, so that a mistake in the last one is found before the first; print them if asked to."""
    for stage in recipe.stages:
        words = recipe.words(stage, asked.size)
        composed(stage.program, words[2:])
        if asked.dry_run:
            print(f"python {shlex.join(words)}")


if __name__ == "__main__":
    main()
