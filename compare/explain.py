"""Why an arm did not gain: what was measured that speaks for a cause. No measurement, no cause.

The bounds say from where on a figure is worth telling; they decide nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from compare.curves import band
from compare.ledger import UNCHARGED
from compare.summary import Supervision, charged, finished
from evolve.report_text import percent

_MOVES = 0.01  # accuracy, over the last quarter of the budget
_LOSS = 0.02  # accuracy, from the curve's best place to its end
_FEW_UPDATES = 20
_EQUAL_GROUPS = 0.5
_DEAR_LABELS = 0.25  # share of the compute
_GUESSING = 0.55  # chance that credit ranks a right step above a wrong one

_LEARNING = frozenset({"sampling", "training", "reference"})  # phases that every arm of its kind has


def explanation(row: Mapping[str, Any], contrast: Mapping[str, Any]) -> str:
    """Where an arm's compute went and what was measured that may have held it back; whole sentences.

    ``row``: the arm in the summary; ``contrast``: it against its cold start.
    """
    found = [*_uncertainty(contrast), *_course(row), *_teaching(row), *_labels(row), *_gaming(row)]
    said = f"Measured besides: {'; '.join(found)}." if found else "Nothing else that is measured here says why."
    return f"{where(row)} {said}"


def where(row: Mapping[str, Any]) -> str:
    """What the compute went into."""
    shares = _shares(row)
    if not shares:
        return "It computed nothing."
    told = [f"{name} ({100 * share:.0f} %)" for name, share in shares.items() if share >= 0.005]
    return f"Its compute went into {', '.join(told)}."


def _shares(row: Mapping[str, Any]) -> dict[str, float]:
    """Share of the charged FLOPs by phase, largest first."""
    ledger = charged(row)
    total = ledger.flops()
    phases = {name: ledger.flops(name) / total for name in ledger.phases if name not in UNCHARGED} if total else {}
    return dict(sorted(phases.items(), key=lambda item: -item[1]))


def _uncertainty(contrast: Mapping[str, Any]) -> list[str]:
    low, high = contrast["interval"]
    if low > 0:
        return ["its own interval excludes zero, but not after the correction for being one of several"]
    return [f"a gain of up to {100 * high:.1f} points is not excluded"] if high > 0 else []


def _course(row: Mapping[str, Any]) -> list[str]:
    """What the mean of the seeds' curves did."""
    curves = [each["curve"] for each in finished(row) if len(each["curve"]) > 1]
    if not curves:
        return []
    mean = band(curves)
    end = float(mean.compute[-1])
    late = float(mean.mean[-1] - np.interp(0.75 * end, mean.compute, mean.mean))
    best = int(np.argmax(mean.mean))
    found = []
    if late >= _MOVES:
        found.append(f"its curve still rose by {100 * late:.1f} points in the last quarter")
    if mean.mean[best] - mean.mean[-1] >= _LOSS:
        high = percent(float(mean.mean[best]))
        if mean.mean[best] - mean.mean[0] < _MOVES:
            found.append(f"it never rose above the {high} that it began with")
        else:
            found.append(
                f"it stood at {high} after {100 * mean.compute[best] / end:.0f} % of its compute and fell again"
            )
    return found


def _teaching(row: Mapping[str, Any]) -> list[str]:
    """How much there was to learn from."""
    training = [each["training"] for each in finished(row) if each.get("training")]
    found = []
    if training and (updates := _mean(training, "updates")) is not None and updates < _FEW_UPDATES:
        found.append(f"only {updates:.0f} updates fitted into the budget")
    equal = _mean(training, "equal_groups")
    if equal is not None and equal >= _EQUAL_GROUPS and row["supervision"] in (Supervision.OUTCOME, Supervision.BOTH):
        found.append(
            f"in {percent(equal)} of its groups all solutions were right or all wrong, which says nothing of outcomes"
        )
    return found


def _labels(row: Mapping[str, Any]) -> list[str]:
    """What its supervision cost, and whether it told right steps from wrong ones."""
    dear = {name: share for name, share in _shares(row).items() if name not in _LEARNING}
    found = []
    if sum(dear.values()) >= _DEAR_LABELS:
        found.append(f"{100 * sum(dear.values()):.0f} % of its compute made labels ({', '.join(dear)})")
    ranking = _mean([each["fidelity"] for each in finished(row)], "ranking")
    if ranking is not None and ranking < _GUESSING:
        found.append(
            f"its credit puts a right step above a wrong one in {percent(ranking)} of the cases, and 50 % is guessing"
        )
    return found


def _gaming(row: Mapping[str, Any]) -> list[str]:
    seeds = finished(row)
    sounded = sum(each["hacking"]["alarm"] is not None for each in seeds)
    return [f"its learned reward parted from the truth in {sounded} of {len(seeds)} seeds"] if sounded else []


def _mean(rows: Sequence[Mapping[str, float]], name: str) -> float | None:
    known = [row[name] for row in rows if name in row]
    return sum(known) / len(known) if known else None
