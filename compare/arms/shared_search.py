"""A group of problems searched by all ranks, each growing the trees of some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evolve.search_stage import search_group
from evolve.stages import StageResult
from evolve.work import SearchWork
from lm.distributed import agreed, rank, ranks, spread
from mcts.storage import read_trees, write_trees
from mcts.tree import SearchTree
from tasks.problem import Problem


def search_spread(search: SearchWork, problems: list[Problem], out: Path) -> StageResult:
    """``search_group``, with what all ranks did added up. ``seconds``: rank 0's, the others' pass meanwhile."""
    if ranks() == 1:
        return search_group(_quiet, search, problems, out)
    done: list[StageResult] = []

    def grow(some: Sequence[Problem]) -> list[tuple[SearchTree, StageResult]]:
        part = out.with_name(f"{rank()}-{out.name}")
        done.append(search_group(_quiet, search, list(some), part))
        trees = list(read_trees(part))
        part.unlink()
        return [(tree, done[-1]) for tree in trees]

    found = spread(problems, grow)
    write_trees(out, [tree for tree, _ in found])
    results = list({id(each): each for _, each in found}.values())  # a rank's, once
    result = {
        "solved": [name for each in results for name in each.result["solved"]],
        "verdicts": _sums([each.result["verdicts"] for each in results]),
        "counts": _sums([each.result["counts"] for each in results]),
    }
    seconds = agreed(done[0].seconds if done else {"search": 0.0})
    return StageResult(result, results[0].metrics, seconds)


def _sums(parts: Sequence[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(sorted(total.items()))


def _quiet(*_: object, **__: object) -> None:
    """Hear nothing: the job reports on the whole."""
