"""Best-of-N, votes and the oracle against every subset of the solutions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from prm.judging.best_of_n import best_by_problem, best_of_n, ladder
from prm.judging.choice import METHODS, SolutionPool, choose

POOL = SolutionPool(
    right_PN=np.array([[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]], dtype=float),
    answer_PN=np.array([[0, 1, 1, 0], [0, 0, 1, -1], [-1, -1, -1, -1]]),
    score_PN=np.array([[3.0, 5.0, 1.0, 4.0], [2.0, 1.0, 7.0, 9.0], [1.0, 1.0, 1.0, 1.0]]),
    weight_PN=np.array([[0.6, 0.9, 0.1, 0.7], [0.2, 0.1, 0.7, 0.9], [0.5, 0.5, 0.5, 0.5]]),
)


def by_brute_force(pool, method, n):
    """The mean over all ordered choices of n, by the plainest words there are."""
    shares = []
    for problem in range(len(pool.right_PN)):
        right, answer, score, weight = (
            values[problem] for values in (pool.right_PN, pool.answer_PN, pool.score_PN, pool.weight_PN)
        )
        found = []
        for drawn in itertools.permutations(range(4), n):
            if method == "oracle":
                found.append(max(right[i] for i in drawn))
            elif method == "best":
                found.append(right[max(drawn, key=lambda i: score[i])])
            else:
                votes = {}
                for i in drawn:
                    if answer[i] >= 0:
                        votes[answer[i]] = votes.get(answer[i], 0) + (1 if method == "vote" else weight[i])
                won = max(votes, key=votes.get) if votes else None  # the first of equals
                found.append(next((right[i] for i in drawn if answer[i] == won), 0) if votes else 0)
        shares.append(np.mean(found))
    return np.array(shares)


def test_every_method_against_every_choice():
    rows = choose(POOL, seed=0, resamples=4000)
    assert [(row.n, row.method) for row in rows] == [(n, method) for n in (1, 2, 4) for method in METHODS]
    for row in rows:
        expected = by_brute_force(POOL, row.method, row.n)
        if row.method in ("best", "oracle"):
            np.testing.assert_allclose(row.by_problem, expected, atol=1e-12)
        else:
            np.testing.assert_allclose(row.by_problem, expected, atol=0.04)
        assert row.mean == pytest.approx(row.by_problem.mean())


def test_the_deviation_over_draws():
    """N = 1: each problem's share q is a coin, so the share of P problems deviates by sqrt(sum q (1 - q)) / P."""
    row = next(row for row in choose(POOL, seed=1, resamples=4000) if (row.n, row.method) == (1, "best"))
    shares = POOL.right_PN.mean(axis=1)
    assert row.sd == pytest.approx(np.sqrt((shares * (1 - shares)).sum()) / 3, rel=0.05)
    whole = next(row for row in choose(POOL, seed=1, resamples=50) if (row.n, row.method) == (4, "best"))
    assert whole.sd == 0.0  # there is but one choice of all


def test_the_same_seed_draws_the_same():
    means = [[row.mean for row in choose(POOL, seed, 30)] for seed in (5, 5, 6)]
    assert means[0] == means[1] != means[2]


def test_the_two_faces_of_best_of_n_agree():
    found = best_by_problem(POOL.score_PN, POOL.right_PN)
    rows = best_of_n(POOL.score_PN, POOL.right_PN)
    assert list(found) == [row["n"] for row in rows] == [1, 2, 4]
    assert [row["true"] for row in rows] == [pytest.approx(true.mean()) for _, true in found.values()]


def test_the_ladder_ends_with_all():
    assert ladder(6) == [1, 2, 4, 6]
    assert ladder(1) == [1]


def test_values_must_fit_each_other():
    with pytest.raises(ValueError, match="as many solutions"):
        SolutionPool(np.ones((2, 3)), np.zeros((2, 3), dtype=int), np.ones((2, 2)), np.ones((2, 3)))
