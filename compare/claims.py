"""Which differences between arms count as shown, and how a difference is written.

A difference is shown where p is below 0.05 after correction for being one of several, from five seeds on. With fewer
the intervals are too narrow where seeds vary much (``benchmarks.false_alarms``), so nothing is claimed from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LEVEL = 0.05
ENOUGH_SEEDS = 5

Row = Mapping[str, Any]
"""A contrast of the summary."""


def shown(row: Row) -> bool:
    """Is the difference shown?"""
    return bool(row["p_holm"] < LEVEL) and has_enough_seeds(row)


def hinted(row: Row) -> bool:
    """Would it be shown if there were enough seeds to trust the interval?"""
    return bool(row["p_holm"] < LEVEL) and not has_enough_seeds(row)


def has_enough_seeds(row: Row) -> bool:
    """Do both sides share as many seeds as a claim needs?"""
    return bool(row["seeds"] >= ENOUGH_SEEDS)


def mark(row: Row) -> str:
    """What follows a difference in a table: a star, one in brackets where it does not count, or nothing."""
    return " *" if shown(row) else " (*)" if hinted(row) else ""


def points(row: Row) -> str:
    """A difference with its interval, in percentage points."""
    low, high = row["interval"]
    return f"{100 * row['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def listed(rows: Iterable[Row]) -> str:
    """The arms of some contrasts with their differences."""
    return ", ".join(f"{row['a']} by {points(row)} points" for row in rows)


def names(rows: Iterable[Row]) -> str:
    """The arms of some contrasts."""
    return ", ".join(row["a"] for row in rows)


BETTER, WORSE, SAME = "better", "worse", "no difference shown"
ABOVE, BELOW = "above, not claimed", "below, not claimed"


def sorted_out(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Contrasts by what is to be said of them, in an order for reading; only what there is."""
    found: dict[str, list[Row]] = {what: [] for what in (BETTER, WORSE, SAME, ABOVE, BELOW)}
    for row in rows:
        up = row["difference"] > 0
        if not has_enough_seeds(row):
            found[ABOVE if up else BELOW].append(row)
        else:
            found[(BETTER if up else WORSE) if shown(row) else SAME].append(row)
    return {what: some for what, some in found.items() if some}


def seeds_of(rows: Iterable[Row]) -> str:
    """How many seeds there are, such as ``2 to 3 seeds``."""
    counts = sorted({int(row["seeds"]) for row in rows})
    ends = " to ".join(map(str, dict.fromkeys((counts[0], counts[-1]))))
    return f"{ends} seed{'' if counts == [1] else 's'}"
