"""How sure is a figure? Problems are drawn anew: steps and solutions of one problem go wrong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import numpy as np

from tasks.readers.care import problem_key
from tasks.readers.labelled import LabelledSolution
from tasks.seeding import derive_seed


class OfSolution(Protocol):
    """Whatever is said of a solution."""

    @property
    def solution(self) -> LabelledSolution: ...


_Said = TypeVar("_Said", bound=OfSolution)


def by_problem(scored: Sequence[_Said]) -> list[list[_Said]]:
    """The solutions of each problem, in the order in which the problems come."""
    found: dict[str, list[_Said]] = defaultdict(list)
    for one in scored:
        found[problem_key(one.solution.prompt)].append(one)
    return list(found.values())


def over_problems(
    rows: Sequence[np.ndarray],
    statistic: Callable[[np.ndarray], float | None],
    seed: int,
    resamples: int = 400,
) -> tuple[float, float] | None:
    """The 95 % percentile interval of a figure (Efron 1979) over problems drawn with replacement.

    ``rows``: an array per problem, with a row for each step or pair; the figure is that of all rows together, None
    where a draw cannot give it. None with fewer than two problems, or when half the draws give no figure.
    """
    rows = [each for each in rows if len(each)]
    if len(rows) < 2:
        return None
    rng = np.random.default_rng(derive_seed("over problems", seed))
    drawn = (rng.integers(0, len(rows), len(rows)) for _ in range(resamples))
    found = [statistic(np.concatenate([rows[index] for index in indices])) for indices in drawn]
    known = [value for value in found if value is not None]
    if 2 * len(known) <= resamples:
        return None
    low, high = np.quantile(known, (0.025, 0.975))
    return float(low), float(high)
