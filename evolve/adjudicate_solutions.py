"""What is adjudicated: solutions of a file or all paths of a round's trees; and answers that are wrong on purpose."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evolve.evaluate_run import finished_round
from evolve.oracle_labels import step_labels
from evolve.run_trees import find_run, rounds_with_trees, source_of
from evolve.saved_config import load_config
from evolve.tree_scores import tree_key
from mcts.storage import read_trees
from mcts.tree import SearchTree
from prm.labels.base import as_solution
from tasks.answers import canonical_key
from tasks.errors import UserError
from tasks.problem import Outcome, StepOracle
from tasks.readers.care import problem_key
from tasks.readers.labelled import LabelledSolution
from tasks.registry import build_task
from tasks.seeding import derive_seed

_FOLDERS = {False: "trees", True: "held_out_trees"}


@dataclass(frozen=True, slots=True)
class TreePaths:
    """A tree that the solutions ``first`` to ``last`` (not included) run through. ``key``: ``tree_key``."""

    problem_id: str
    source: str
    key: str
    nodes: int
    first: int
    last: int


@dataclass(slots=True)
class Given:
    """Solutions, and of each: did it come to a verified end, and does it count in the figures?

    ``truth``: where the labels come from, empty where there are none.
    """

    solutions: list[LabelledSolution] = field(default_factory=list)
    is_whole: list[bool] = field(default_factory=list)
    is_judged: list[bool] = field(default_factory=list)
    trees: list[TreePaths] = field(default_factory=list)
    truth: str = ""


def of_file(solutions: list[LabelledSolution]) -> Given:
    """Every solution of a file counts."""
    methods = sorted({str(one.meta.get("method", "the file")) for one in solutions})
    return Given(solutions, [True] * len(solutions), [True] * len(solutions), truth=" and ".join(methods))


def of_run(name: str, number: int | None, held_out: bool, problems: int | None) -> tuple[Path, Given]:
    """Every path from the root to a leaf, so that each node is on one; and the round's folder.

    The figures are of the trees of one kind, of held-out problems or of those that the run learns from; UserError if
    there is none of it. Labels are the oracle's, where the task has one.
    """
    root = find_run(name)
    number = finished_round(root, number)
    rounds = rounds_with_trees(root)
    if number not in rounds:
        raise UserError(f"{root}: round {number} has no trees; use round={' or '.join(map(str, rounds))}")
    oracle = build_task(load_config(root).task).oracle
    given = Given(truth="the task's oracle" if oracle else "")
    for kind in _FOLDERS.values():
        for source, tree in _first(rounds[number], kind, problems):
            _add(given, tree, f"{kind}/{source}", oracle, kind == _FOLDERS[held_out])
    if not any(given.is_judged):
        raise UserError(
            f"{root}: round {number} has no trees of {'held-out' if held_out else 'training'} problems with a verified "
            f"end to judge by; use held_out={str(not held_out).lower()}"
        )
    return root / f"round_{number}", given


def other_answers(solutions: Sequence[LabelledSolution], seed: int) -> dict[str, str] | None:
    """For each problem (by ``problem_key``) the reference answer of another one, which differs from its own.

    None if all answers are equal.
    """
    own: dict[str, set[str]] = defaultdict(set)
    for one in solutions:
        own[problem_key(one.prompt)].add(one.answer)
    answers = sorted(set().union(*own.values()))
    keys = {answer: canonical_key(answer) for answer in answers}
    if len(set(keys.values())) < 2:
        return None
    found = {}
    for problem, mine in own.items():
        others = [answer for answer in answers if keys[answer] not in {keys[each] for each in mine}]
        if others:
            found[problem] = others[derive_seed(seed, "planted answer", problem) % len(others)]
    return found


def _first(files: Sequence[Path], kind: str, problems: int | None) -> Iterator[tuple[str, SearchTree]]:
    """The trees of the first so many problems in the tree files of one kind."""
    known: set[str] = set()
    for path in files:
        if path.parent.name == kind:
            for tree in read_trees(path):
                if tree.problem.id in known or problems is None or len(known) < problems:
                    known.add(tree.problem.id)
                    yield source_of(path), tree


def _add(given: Given, tree: SearchTree, source: str, oracle: StepOracle | None, is_judged: bool) -> None:
    right = step_labels(tree, oracle) if oracle else {}
    first = len(given.solutions)
    for leaf in range(1, len(tree)):
        if not tree.child_count[leaf]:
            nodes, verdict = tree.path(leaf), tree.verdicts.get(leaf)
            labels = [(1.0 if right[node] else -1.0) if node in right else None for node in nodes]
            is_whole = verdict is not None and verdict.outcome is not Outcome.ERROR
            meta: dict[str, Any] = {"problem_id": tree.problem.id, "source": source, "nodes": list(nodes)}
            if verdict is not None and is_whole:
                meta["reward"] = verdict.reward
            given.solutions.append(as_solution(tree.problem, tree.prefix(leaf), labels, meta))
            given.is_whole.append(is_whole)
            given.is_judged.append(is_judged)
    paths = TreePaths(tree.problem.id, source, tree_key(tree), len(tree), first, len(given.solutions))
    given.trees.append(paths)
