"""Over-optimisation by choosing: what the best of n by a learned reward is truly worth (Gao et al. 2022, figure 1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def best_of_n(learned_PN: np.ndarray, true_PN: np.ndarray) -> list[dict[str, Any]]:
    """For n = 1, 2, 4 ... N: mean learned and true reward of the one that the learned reward prefers, and the KL.

    The means of ``best_by_problem``. KL of the best of n to the policy: log n - (n - 1) / n nats, a bound (Stiennon et
    al. 2020, appendix G.3).
    """
    return [
        {"n": n, "learned": float(learned_P.mean()), "true": float(true_P.mean()), "kl": math.log(n) - (n - 1) / n}
        for n, (learned_P, true_P) in best_by_problem(learned_PN, true_PN).items()
    ]


def best_by_problem(learned_PN: np.ndarray, true_PN: np.ndarray) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """For n = 1, 2, 4 ... N: each problem's expected learned and true reward of the best of n, [P] and [P].

    Rows are problems, columns their N trajectories. Each expectation is over every choice of n of the N, not over some
    (Nakano et al. 2021, *WebGPT*, appendix): the i-th lowest of N is the best of n with chance C(i - 1, n - 1) /
    C(N, n). Equal learned rewards share their chances. ValueError for shapes that differ or values that are not finite.
    """
    learned_PN, true_PN = np.asarray(learned_PN, dtype=np.float64), np.asarray(true_PN, dtype=np.float64)
    if learned_PN.shape != true_PN.shape or learned_PN.ndim != 2 or learned_PN.size == 0:
        raise ValueError(f"a learned and a true reward per trajectory: got {learned_PN.shape} and {true_PN.shape}")
    if not (np.isfinite(learned_PN).all() and np.isfinite(true_PN).all()):
        raise ValueError("a reward that is not a finite number cannot be ranked")
    total = learned_PN.shape[1]
    order = np.argsort(learned_PN, axis=1, kind="stable")
    learned_PN = np.take_along_axis(learned_PN, order, axis=1)
    true_PN = np.array([_shared(*rows) for rows in zip(learned_PN, np.take_along_axis(true_PN, order, 1), strict=True)])
    found = {}
    for n in ladder(total):
        chance_N = np.array([math.comb(place, n - 1) / math.comb(total, n) for place in range(total)])
        found[n] = (learned_PN @ chance_N, true_PN @ chance_N)
    return found


def ladder(total: int) -> list[int]:
    """1, 2, 4 ... and ``total``."""
    return sorted({2**power for power in range(total.bit_length())} | {total})


def _shared(learned_N: np.ndarray, true_N: np.ndarray) -> np.ndarray:
    """The true rewards of one problem, those of equal learned rewards replaced by their mean."""
    _, group_N = np.unique(learned_N, return_inverse=True)
    return np.asarray((np.bincount(group_N, true_N) / np.bincount(group_N))[group_N])
