"""How far does choosing get? Best-of-N by a PRM against N, between the majority's vote and the oracle.

Exact means come from ``prm.judging.best_of_n``. The deviation over resamples follows Lightman et al. 2023 (arXiv
2305.20050, section 4): draw N of each problem's solutions, choose, and see how the share of solved problems varies.
Shapes: P problems, N solutions each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prm.judging.best_of_n import best_by_problem, ladder
from tasks.seeding import derive_seed

METHODS = ("best", "vote", "weighted", "oracle")


@dataclass(frozen=True, slots=True)
class SolutionPool:
    """Solutions to choose from. ``score_PN``: in any unit, higher is better; ``weight_PN``: in [0, 1], of a vote.

    ``answer_PN``: which answer, numbered from 0 in each problem; -1 has none and no vote. ValueError for shapes that
    differ.
    """

    right_PN: np.ndarray
    answer_PN: np.ndarray
    score_PN: np.ndarray
    weight_PN: np.ndarray

    def __post_init__(self) -> None:
        shapes = {self.right_PN.shape, self.answer_PN.shape, self.score_PN.shape, self.weight_PN.shape}
        if len(shapes) != 1 or self.right_PN.ndim != 2 or not self.right_PN.size:
            raise ValueError(f"every problem needs as many solutions, each with all four values: {shapes}")


@dataclass(frozen=True, slots=True)
class Choice:
    """A method at one N: the share solved, its deviation ``sd`` over resamples, and the share of each problem [P].

    ``best`` and ``oracle`` are exact expectations over all choices of N; a vote is the mean over the resamples.
    """

    method: str
    n: int
    mean: float
    sd: float
    by_problem: np.ndarray


def choose(pool: SolutionPool, seed: int, resamples: int = 400) -> list[Choice]:
    """Every method at N = 1, 2, 4 ... all; the same draws for every method."""
    exact = {
        "best": best_by_problem(pool.score_PN, pool.right_PN),
        "oracle": best_by_problem(pool.right_PN, pool.right_PN),  # of n the right one, if there is one
    }
    rng = np.random.default_rng(derive_seed("choice", seed))
    sizes = ladder(pool.right_PN.shape[1])
    drawn = [_one_draw(pool, rng, sizes) for _ in range(resamples)]
    rows = []
    for n in sizes:
        for method in METHODS:
            solved_RP = np.array([draw[method, n] for draw in drawn], dtype=np.float64)
            by_problem = exact[method][n][1] if method in exact else solved_RP.mean(axis=0)
            # At N = all there is one choice: what still varies is how ties fall.
            sd = float(solved_RP.mean(axis=1).std(ddof=1)) if resamples > 1 else 0.0
            rows.append(Choice(method, n, float(by_problem.mean()), sd, by_problem))
    return rows


def _one_draw(pool: SolutionPool, rng: np.random.Generator, sizes: list[int]) -> dict[tuple[str, int], np.ndarray]:
    """Which problems each method solves with the first n of one order of the solutions."""
    order_PN = rng.permuted(np.broadcast_to(np.arange(pool.right_PN.shape[1]), pool.right_PN.shape), axis=1)
    right, answer, score, weight = (
        np.take_along_axis(values, order_PN, axis=1)
        for values in (pool.right_PN, pool.answer_PN, pool.score_PN, pool.weight_PN)
    )
    solved: dict[tuple[str, int], np.ndarray] = {}
    rows_P = np.arange(len(right))
    for n in sizes:
        solved["best", n] = right[rows_P, score[:, :n].argmax(axis=1)]
        solved["oracle", n] = right[:, :n].max(axis=1)
        solved["vote", n] = _voted(right[:, :n], answer[:, :n], np.ones_like(weight[:, :n]))
        solved["weighted", n] = _voted(right[:, :n], answer[:, :n], weight[:, :n])
    return solved


def _voted(right_PN: np.ndarray, answer_PN: np.ndarray, weight_PN: np.ndarray) -> np.ndarray:
    """Is the answer with most votes right, [P]? Of several winners the first one drawn (as ``mcts.votes.vote``)."""
    rows_P, answers = np.arange(len(right_PN)), int(answer_PN.max()) + 2  # one more for "no answer", which is -1
    place_PN = rows_P[:, None] * answers + answer_PN + 1
    totals = np.bincount(place_PN.ravel(), weight_PN.ravel(), len(right_PN) * answers)
    votes_PN = np.where(answer_PN < 0, -1.0, totals[place_PN])
    winner_P = votes_PN.argmax(axis=1)  # the first of equals
    return np.asarray(np.where(answer_PN[rows_P, winner_P] < 0, 0, right_PN[rows_P, winner_P]))
