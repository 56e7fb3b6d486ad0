"""Two adjudicators of the same steps, one of which saw the reference answer: what do they, and their difference, find?

Each step has four *signals*, all so that less of it is more suspect: ``aware`` (the score of the one that saw the
answer), ``blind``, ``difference`` = aware - blind, and ``|difference|``, taken as -|aware - blind|. A question is then
one of ranks: the chance that something sound has more of a signal than something unsound, ties half (the area under
the ROC curve). Below 1/2 the signal points the other way.

Rows are arrays with a column for each signal and a last one: 1 sound, 0 unsound. Shape: S things, 5 or more columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from prm.judging.fidelity import ranking
from tasks.readers.labelled import Label, LabelledSolution

SIGNALS = ("aware", "blind", "difference", "|difference|")

Scores = tuple[float, ...]
Signals = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Adjudicated:
    """A solution with both scores of each step. ``is_whole``: it came to an end that was verified."""

    solution: LabelledSolution
    aware: Scores
    blind: Scores
    is_whole: bool = True

    def __post_init__(self) -> None:
        if not len(self.aware) == len(self.blind) == len(self.solution.steps):
            raise ValueError(
                f"{len(self.aware)} and {len(self.blind)} scores do not fit {len(self.solution.steps)} steps"
            )

    @property
    def ends_right(self) -> bool:
        """Was its end found right?"""
        return self.is_whole and (self.solution.reward or 0) > 0.5


def signals(aware: float, blind: float) -> Signals:
    """The four signals of one step, in the order of ``SIGNALS``."""
    return aware, blind, aware - blind, -abs(aware - blind)


def first_error_rows(own: Sequence[Adjudicated]) -> np.ndarray:
    """[S, 5]: one problem's steps up to first errors; unsound is a first error.

    What comes behind one builds on it and does not count. A step that several solutions share is one step.
    """
    return _rows((one, _until_error(one)) for one in own)


def looks_right_rows(own: Sequence[Adjudicated]) -> np.ndarray:
    """[S, 5]: the steps of one problem's solutions that end right; unsound is a wrong one: it only looks right."""
    return _rows((one, len(one.solution.steps)) for one in own if one.ends_right)


def mean_of_steps(own: Sequence[Adjudicated]) -> Signals:
    """Of one problem: the mean of each signal over its different steps."""
    found = _different((one, len(one.aware)) for one in own)
    aware, blind, difference, distance = np.mean([four for four, _ in found.values()], axis=0).tolist()
    return aware, blind, difference, distance


def favoured_end(own: Sequence[Adjudicated]) -> Signals:
    """Of one problem: the last step of the whole solution that the blind one trusts most there (of equals the first).

    A solution that convinces whoever does not know the answer, and not who does, speaks against one of the two.
    """
    best = favoured(own)
    return signals(best.aware[-1], best.blind[-1])


def favoured(own: Sequence[Adjudicated]) -> Adjudicated:
    """The whole solution whose end the blind one trusts most. ValueError without a whole one."""
    return max((one for one in own if one.is_whole), key=lambda one: one.blind[-1])


def solved_share(own: Sequence[Adjudicated]) -> float:
    """Of one problem: the share of its whole solutions that end right."""
    return float(np.mean([one.ends_right for one in own if one.is_whole]))


def reference_rows(
    own: Sequence[Adjudicated], planted: Sequence[Scores] | None, seen_as: Callable[[Sequence[Adjudicated]], Signals]
) -> np.ndarray:
    """[S, 6]: one problem once with its reference answer (sound) and once with another one planted (unsound).

    ``planted``: what the aware one says of each solution when it is shown that other answer; None: nothing was planted.
    The column behind the signals is the share of the solutions that end in the reference: 0 for the planted one, for
    nothing is known of wrong solutions that end in it. So it is what a search's verifier knows without an adjudicator.
    """
    rows = [(*seen_as(own), solved_share(own), 1.0)]
    if planted is not None:
        other = [replace(one, aware=scores) for one, scores in zip(own, planted, strict=True)]
        rows.append((*seen_as(other), 0.0, 0.0))
    return np.array(rows)


def area(rows_SC: np.ndarray, column: int) -> float | None:
    """The chance that something sound has more of a signal than something unsound; None without one of each."""
    return ranking(rows_SC[:, column], rows_SC[:, -1] > 0)


def gain(rows_SC: np.ndarray, column: int) -> float | None:
    """How much larger the area of a signal is than that of ``blind`` on the same things."""
    own, blind = area(rows_SC, column), area(rows_SC, SIGNALS.index("blind"))
    return None if own is None or blind is None else own - blind


def around_error(solutions: Sequence[Adjudicated], reach: int = 3) -> list[dict[str, float]]:
    """Mean scores by place before (< 0), at (0) and behind first errors, over whole solutions that have one.

    ``reach``: the farthest place that is told.
    """
    at: dict[int, list[tuple[float, float]]] = {}
    for one in solutions:
        truth = one.solution.first_error
        if truth >= 0 and one.is_whole:
            for step, pair in enumerate(zip(one.aware, one.blind, strict=True)):
                if abs(step - truth) <= reach:
                    at.setdefault(step - truth, []).append(pair)
    found = []
    for place, pairs in sorted(at.items()):
        aware, blind = np.mean(pairs, axis=0).tolist()
        found.append({"place": place, "steps": len(pairs), "aware": aware, "blind": blind})
    return found


def _until_error(one: Adjudicated) -> int:
    truth = one.solution.first_error
    return len(one.aware) if truth < 0 else truth + 1


def _rows(parts: Iterable[tuple[Adjudicated, int]]) -> np.ndarray:
    labelled = [(*four, float(label >= 0)) for four, label in _different(parts).values() if label is not None]
    return np.array(labelled, dtype=np.float64).reshape(-1, 5)


def _different(parts: Iterable[tuple[Adjudicated, int]]) -> dict[tuple[str, ...], tuple[Signals, Label]]:
    """Signals and label of each different step of one problem, of solutions up to the given number of steps."""
    found: dict[tuple[str, ...], tuple[Signals, Label]] = {}
    for one, end in parts:
        for at, label in enumerate(one.solution.labels[:end]):
            found.setdefault(one.solution.steps[: at + 1], (signals(one.aware[at], one.blind[at]), label))
    return found
