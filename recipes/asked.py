"""What ``scripts.recipes`` is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recipes.recipe import Recipe, Size
from tasks.errors import UserError

ALL = "all"
_TRUTH = {"true": True, "false": False}


@dataclass
class RecipesAsked:
    """Which recipes, and how; none: they are listed."""

    run: str = ""  # names, joined by commas, or all
    size: Size = Size.LAB
    dry_run: bool = False  # print the commands and stop
    overwrite: bool = False  # begin anew


def read_asked(options: Sequence[str]) -> RecipesAsked:
    """The command line's ``option=value`` words. UserError for what is no option, or no value of one."""
    asked = RecipesAsked()
    for option in options:
        key, equals, value = option.partition("=")
        if not equals or key not in vars(asked):
            raise UserError(f"{option!r:.80} is no option; there are {', '.join(f'{name}=' for name in vars(asked))}")
        if key == "size" and value not in list(Size):
            raise UserError(f"size must be {' or '.join(Size)}, got {value}")
        if key in ("dry_run", "overwrite") and value not in _TRUTH:
            raise UserError(f"{key} must be true or false, got {value}")
        setattr(asked, key, Size(value) if key == "size" else _TRUTH.get(value, value) if key != "run" else value)
    return asked


def chosen(known: Mapping[str, Recipe], names: str) -> list[Recipe]:
    """The recipes of ``run=``. UserError for a name that there is not."""
    wanted = list(known) if names == ALL else [name for name in names.split(",") if name]
    for name in wanted:
        if name not in known:
            raise UserError(f"run={name}: there is no such recipe; choose from {', '.join(known)}, or {ALL}")
    return [known[name] for name in dict.fromkeys(wanted)]
