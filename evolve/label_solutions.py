"""Which solutions of a run are labelled: from each problem's trees some that ended right and some that ended wrong."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

from evolve.run_trees import rounds_with_trees, source_of
from mcts.storage import read_trees
from prm.labels.base import Unlabelled
from tasks.errors import UserError
from tasks.problem import Outcome
from tasks.seeding import derive_seed

_FOLDERS = {False: "trees", True: "held_out_trees"}


def from_trees(
    root: Path, number: int, held_out: bool, problems: int, per_problem: int, seed: int
) -> list[list[Unlabelled]]:
    """A list for each of the first ``problems`` problems of a round's trees, maybe empty. UserError without trees."""
    rounds = rounds_with_trees(root)
    if number not in rounds:
        raise UserError(f"{root}: round {number} has no trees; use round={' or '.join(map(str, rounds))}")
    files = [path for path in rounds[number] if path.parent.name == _FOLDERS[held_out]]
    found: dict[str, list[Unlabelled]] = {}
    for path in files:
        for tree in read_trees(path):
            if tree.problem.id not in found and len(found) == problems:
                continue  # of the later trees only those of the same problems
            ends = (each for each in tree.trajectories() if each.verdict is not None)
            known = [each for each in ends if each.verdict and each.verdict.outcome is not Outcome.ERROR]
            mine = found.setdefault(tree.problem.id, [])
            mine += [Unlabelled(tree.problem, each, source_of(path), tree) for each in known]
    if not found:
        kind = "held-out trees" if held_out else "trees of training problems"
        raise UserError(f"{root}: round {number} has no {kind}; use held_out={str(not held_out).lower()}")
    return [chosen(mine, per_problem, seed) for mine in found.values()]


def chosen(solutions: Sequence[Unlabelled], count: int, seed: int) -> list[Unlabelled]:
    """``count`` of a problem's solutions, each text once: right and wrong ones in turn, drawn at random."""
    different = {one.trajectory.text: one for one in reversed(solutions)}
    drawn = sorted(different.values(), key=lambda one: derive_seed(seed, "label", one.problem.id, one.trajectory.text))
    right, wrong = ([one for one in drawn if one.is_right is kind] for kind in (True, False))
    in_turn = chain.from_iterable(zip_longest(right, wrong))
    return [one for one in in_turn if one is not None][:count]
