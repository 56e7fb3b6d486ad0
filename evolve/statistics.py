"""What records of problems say: accuracies and differences with their intervals, and which problems are suspect."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tasks.problem import Outcome, Problem

METHODS = ("greedy", "sampled", "majority", "search")
"""How a policy is made to answer when a round is judged."""


def summarise(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Accuracies with 95 % Wilson intervals over problems; ``search`` is None where nothing was searched.

    ``outcomes`` counts the solutions of each method by what the verifier found: an accuracy is the share of
    ``correct``, and those that could not be read or judged are told apart from the wrong ones.
    """
    summary: dict[str, Any] = {"problems": len(records)}
    judged = [record.get("outcomes", {}) for record in records]  # older runs have none
    summary["outcomes"] = {
        name: added_up(one[name] for one in judged if name in one)
        for name in METHODS
        if any(name in one for one in judged)
    }
    for name in METHODS:
        values = [float(record[name]) for record in records if record[name] is not None]
        summary[name] = round(sum(values) / len(values), 6) if values else None
        summary[f"{name}_interval"] = wilson(sum(values), len(values)) if values else None
    return summary


def added_up(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by outcome, over all that are given."""
    total = sum((Counter(one) for one in counts), start=Counter[str]())
    return {str(outcome): total[outcome] for outcome in Outcome if total[outcome]}


def wilson(successes: float, trials: int, z: float = 1.959964) -> list[float]:
    """The Wilson score interval (Wilson 1927) of a proportion; 95 % by default."""
    share = successes / trials
    centre = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return [round(max(0.0, (centre - spread) / scale), 4), round(min(1.0, (centre + spread) / scale), 4)]


@dataclass(frozen=True, slots=True)
class Difference:
    """A mean difference with its 95 % interval; ``p``: two-sided, of the hypothesis that the true one is 0."""

    mean: float
    interval: list[float]
    p: float


def problem_bootstrap(differences: np.ndarray, seed: int, resamples: int = 10_000) -> Difference:
    """The mean over problems [P] with the percentile interval over problems that are drawn anew (Efron 1979).

    ``differences`` are those of two methods on the same problem: what makes a problem hard for both cancels. The
    interval excludes 0 where ``p`` is below 0.05.
    """
    rng = np.random.default_rng(seed)
    size = len(differences)
    at_once = max(1, 1_000_000 // size)  # resamples, to bound the memory
    parts = [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
    means = np.concatenate([differences[rng.integers(0, size, (part, size))].mean(axis=1) for part in parts])
    low, high = np.quantile(means, (0.025, 0.975))
    tail = min(int((means <= 0).sum()), int((means >= 0).sum()))
    interval = [round(float(low), 4), round(float(high), 4)]
    return Difference(round(float(differences.mean()), 6), interval, min(1.0, 2 * (1 + tail) / (resamples + 1)))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm 1979: p values, in their order, raised so that the chance of any false claim among them stays below 5 %."""
    adjusted = [0.0] * len(ps)
    so_far = 0.0
    for rank, index in enumerate(sorted(range(len(ps)), key=lambda index: ps[index])):
        so_far = max(so_far, min(1.0, (len(ps) - rank) * ps[index]))
        adjusted[index] = so_far
    return adjusted


def quarantine(problems: Iterable[Problem], solved: set[str], suspect_above: float) -> list[dict[str, Any]]:
    """Problems never solved although at least ``suspect_above`` of their level are: their answer may be wrong.

    In rStar-Math 19 of 20 problems left unsolved had a wrong answer (section 3.4's appendix). Problems without a level
    are one level. What was learned of suspects stays; they are listed, and no later round searches them.
    """
    by_level: dict[Any, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_level[problem.meta.get("level")].append(problem)
    suspects = []
    for level, neighbours in by_level.items():
        share = sum(problem.id in solved for problem in neighbours) / len(neighbours)
        if share >= suspect_above:
            suspects += [
                {"id": p.id, "level": level, "prompt": p.prompt, "answer": p.answer, "level_solved": round(share, 4)}
                for p in neighbours
                if p.id not in solved
            ]
    return suspects
