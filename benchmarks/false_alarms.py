"""How often a comparison says something that is not so: its intervals and its alarm, on invented results.

``python -m benchmarks.false_alarms`` (two minutes, no model). A claim is false if two arms that are the same
are told apart, or the alarm sounds in a run in which nothing happens. Beside it stands how often a difference that is
there is found. The range is the 95 % Wilson interval of the share; the budget is what a 95 % interval promises, with
room for that range.

Two arms answer 300 problems with the chances of a beta(1, 1) distribution. "seeds vary": each arm and seed adds a
normal of 6 points to all its chances; "problems vary": each problem adds a normal of 10 points to one arm's; "neither":
only the coins differ.
"""

from __future__ import annotations

import numpy as np

from benchmarks.report import Row, write_report
from compare.alarm import AlarmConfig, false_alarm_rate
from compare.statistics import paired_bootstrap
from evolve.statistics import wilson

TABLES, PROBLEMS, RESAMPLES = 1000, 300, 1000
SEEDS = (2, 3, 5, 10)
KINDS = {"seeds vary": (0.06, 0.0), "problems vary": (0.0, 0.1), "neither": (0.0, 0.0)}
SIZES = {"seeds vary": 0.1, "neither": 0.05}
ALARM_RUNS = 20_000


def main() -> None:
    """Simulate and report."""
    rows = [_told_apart(seeds, kind, 0.0) for seeds in SEEDS for kind in KINDS]
    rows += [_told_apart(seeds, kind, size) for seeds in SEEDS for kind, size in SIZES.items()]
    for updates in (25, 100, 400):
        for correlation in (0.0, 0.3):
            share, _ = false_alarm_rate(AlarmConfig(), updates, seed=0, runs=ALARM_RUNS, correlation=correlation)
            name = f"alarm in a run of {updates} updates in which nothing happens, correlation {correlation}"
            rows.append(_share(name, share, ALARM_RUNS, 0.05 if correlation == 0 else None))
    write_report("false_alarms", rows)


def _told_apart(seeds: int, kind: str, difference: float) -> Row:
    rng = np.random.default_rng((seeds, list(KINDS).index(kind), round(100 * difference)))
    told = sum(
        paired_bootstrap(*_tables(rng, seeds, kind, difference), seed=number, resamples=RESAMPLES).p < 0.05
        for number in range(TABLES)
    )
    name = f"{seeds} seeds, {kind}: told apart" + (
        f" at {100 * difference:.0f} points" if difference else " though the same"
    )
    return _share(name, told / TABLES, TABLES, None if difference else 0.07)


def _tables(rng: np.random.Generator, seeds: int, kind: str, difference: float) -> tuple[np.ndarray, np.ndarray]:
    """Right or not of two arms, each [S, P]."""
    by_seed, by_problem = KINDS[kind]
    chance_P = rng.random(PROBLEMS)
    shift_SP = rng.normal(0, by_seed, (seeds, 1)) + rng.normal(0, by_problem, (1, PROBLEMS)) + difference
    other_SP = rng.normal(0, by_seed, (seeds, 1))
    a_SP = rng.random((seeds, PROBLEMS)) < chance_P + shift_SP
    return a_SP, rng.random((seeds, PROBLEMS)) < chance_P + other_SP


def _share(name: str, share: float, trials: int, at_most: float | None) -> Row:
    low, high = wilson(share * trials, trials)
    if at_most is None:
        return Row(name, share, low, high)
    return Row(name, share, low, high, f"<= {at_most:g}", share <= at_most)


if __name__ == "__main__":
    main()
