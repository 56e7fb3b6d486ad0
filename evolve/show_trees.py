"""What ``scripts.show_tree`` was asked for: a page, or something in the terminal, and files for other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from evolve.compare_trees import compare_all, compare_problem
from evolve.problem_trees import Side, trees_of
from evolve.run_trees import FoundTree, as_json_lines, export, find_run, tree_files
from evolve.trees_in_terminal import Look, list_trees, show_problem
from tasks.errors import UserError


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of ``python -m scripts.show_tree``, which tells what each does."""

    run: str
    html: Path | None = None
    compare: str | None = None
    compare_round: int | None = None
    serve: bool = False
    port: int = 0
    round: int | None = None
    text: bool = False
    limit: int = 20
    problem: str | None = None
    depth: int | None = None
    min_visits: int = 0
    path: str = "best"
    json: Path | None = None
    graphml: Path | None = None
    dot: Path | None = None

    @property
    def is_page(self) -> bool:
        """A page, not the terminal?"""
        is_here = self.text or self.compare_round is not None or (self.problem and not self.compare)
        return bool(self.html or self.serve or not is_here)

    @property
    def compares(self) -> bool:
        """Two runs, or two rounds of one?"""
        return self.compare is not None or self.compare_round is not None

    @property
    def shapes(self) -> list[str]:
        """The options given that say how one problem's trees are shown here."""
        given = {"--depth": self.depth is not None, "--min-visits": self.min_visits > 0, "--path": self.path != "best"}
        return [name for name, is_given in given.items() if is_given]


def show(asked: Asked, console: Console) -> None:
    """Do what was asked for. UserError for whatever a user can mend; then nothing was written."""
    if asked.compare_round is not None and (asked.html or asked.serve):
        raise UserError(
            "--compare-round compares here, while a page holds every round; leave it out, or --html, --serve"
        )
    if asked.shapes and (asked.problem is None or asked.is_page or asked.compares):
        raise UserError(
            f"{' and '.join(asked.shapes)}: only for one problem's trees in the terminal; add --problem ID, and leave "
            "--html, --serve and --compare out"
        )
    roots = [find_run(run) for run in (asked.run, asked.compare) if run is not None]
    if asked.json == Path("-"):
        return console.out(as_json_lines(_named(roots[0], asked)), highlight=False, end="")
    found = _named(roots[0], asked) if asked.json or asked.graphml or asked.dot else []
    if asked.is_page:
        _show_page(roots, asked, console)
    else:
        _show_here(roots, asked, console)
    for path in export(found, asked.json, asked.graphml, asked.dot):
        console.print(f"written: {path}", highlight=False, soft_wrap=True)
    return None


def _named(root: Path, asked: Asked) -> list[FoundTree]:
    """The trees that are to be written."""
    if asked.problem is None:
        raise UserError("--json, --graphml and --dot write the trees of one problem; name it with --problem ID")
    return trees_of(root, asked.problem, asked.round)[1]


def _sides(roots: list[Path], asked: Asked) -> tuple[Side, Side]:
    """What is compared. Two rounds of one run are two that were named, or the latest and one that was."""
    is_one_run = asked.compare is None and asked.compares
    number = tree_files(roots[0])[0] if is_one_run and asked.round is None else asked.round
    return (roots[0], number), (roots[-1], asked.round if asked.compare_round is None else asked.compare_round)


def _show_here(roots: list[Path], asked: Asked, console: Console) -> None:
    sides = _sides(roots, asked)
    if asked.compares and asked.problem:
        compare_problem(sides, asked.problem, asked.limit, console)
    elif asked.compares:
        compare_all(sides, asked.limit, console)
    elif asked.problem:
        look = Look(asked.depth, asked.min_visits, asked.path)
        show_problem(roots[0], asked.round, asked.problem, look, console)
    else:
        list_trees(roots[0], asked.round, asked.limit, console)


def _show_page(roots: list[Path], asked: Asked, console: Console) -> None:
    from evolve.inspector import Inspected  # reads configs and tokenizers: takes a while to import
    from evolve.open_page import serve, write_and_open

    inspected = Inspected(roots, asked.round, asked.problem)
    if asked.serve:
        serve(inspected, asked.port, console)
    else:
        write_and_open(inspected, asked.html, console)
