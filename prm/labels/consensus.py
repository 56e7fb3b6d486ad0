"""Consensus filtering: only solutions on whose first error a Monte-Carlo estimate and a judge agree.

Lessons of developing process reward models (Zhang et al. 2025, arXiv 2501.07301), section 3.2: Monte-Carlo labels alone
are noisy, and the filter leaves the part that a judge confirms. The labels are hard, and nothing is said of the steps
behind the first error. Where no judge is at hand another estimate confirms (``SecondEstimate``): that takes away the
noise of the draws, but what one estimate is blind to the other does not see either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from prm.labels.base import Costs, Labeller, Unlabelled
from prm.labels.judge import Judgement, cost_of
from tasks.readers.labelled import LabelledSolution, labels_until


class SecondOpinion(Protocol):
    """Who confirms: judgements on the first ``most`` steps of each solution, up to the first error."""

    @property
    def costs(self) -> Costs: ...

    def judge(self, solutions: Sequence[Unlabelled], most: Sequence[int]) -> list[Judgement]: ...


class SecondEstimate:
    """Another estimate in the judge's place. It must draw its continuations by another seed, and give hard labels."""

    def __init__(self, estimate: Labeller) -> None:
        self._estimate = estimate

    @property
    def costs(self) -> Costs:
        """What the estimate has spent."""
        return self._estimate.costs

    def judge(self, solutions: Sequence[Unlabelled], most: Sequence[int]) -> list[Judgement]:
        """A failure where the estimate says nothing of a step before the first error that it finds."""
        found = self._estimate.label(solutions)
        return [_judgement(one, limit) for one, limit in zip(found, most, strict=True)]


class Consensus:
    """Leaves a solution out where the two disagree, or one of them says nothing.

    ``confirmed_by`` says in the labels' ``meta`` who ``judge`` is. ``estimate`` must give hard labels. The judge is
    asked no further than the estimate's first error: whatever it says behind that place could not make the two agree.
    """

    def __init__(self, estimate: Labeller, judge: SecondOpinion, confirmed_by: str = "judge") -> None:
        self.disagreed = 0
        self._confirmed_by = confirmed_by
        self._estimate = estimate
        self._judge = judge

    @property
    def costs(self) -> Costs:
        """What the estimate and the judge have spent together."""
        total = Costs()
        for part in (self._estimate, self._judge):
            total.add(part.costs)
        return total

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]:
        """None for what the two do not agree on."""
        estimated = self._estimate.label(solutions)
        known = [at for at, each in enumerate(estimated) if each is not None and _is_known(each)]
        judgements = self._judge.judge([solutions[at] for at in known], [_most(estimated[at]) for at in known])
        found: list[LabelledSolution | None] = [None] * len(solutions)
        for at, judgement in zip(known, judgements, strict=True):
            one = estimated[at]
            assert one is not None, "those are the known ones"
            if judgement.failure:
                continue
            if judgement.first_error != one.first_error:
                self.disagreed += 1
                continue
            cost = cost_of(judgement)
            cost.add(Costs(**one.meta["cost"]))
            about = {"method": "consensus", "estimate": one.meta["method"], "confirmed_by": self._confirmed_by}
            labels = labels_until(len(one.steps), one.first_error)
            found[at] = replace(one, labels=labels, meta={**one.meta, **about, "cost": cost.spent()})
        return found


def _is_known(one: LabelledSolution) -> bool:
    """Is every step up to the first error labelled?"""
    end = len(one.labels) if one.first_error == -1 else one.first_error + 1
    return None not in one.labels[:end]


def _judgement(one: LabelledSolution | None, most: int) -> Judgement:
    if one is None or not _is_known(one):
        return Judgement((), failure="the second estimate says nothing")
    silent = (None,) * (len(one.labels) - most)
    return Judgement((*one.labels[:most], *silent), spent=Costs(**one.meta["cost"]))


def _most(one: LabelledSolution | None) -> int:
    assert one is not None, "those are the known ones"
    return len(one.steps) if one.first_error == -1 else one.first_error + 1
