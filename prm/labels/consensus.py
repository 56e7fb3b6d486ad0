"""Consensus filtering: only solutions on whose first error a Monte-Carlo estimate and a judge agree.

Lessons of developing process reward models (Zhang et al. 2025, arXiv 2501.07301), section 3.2: Monte-Carlo labels alone
are noisy, and the filter leaves the part that a judge confirms. The labels are hard, and nothing is said of the steps
behind the first error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from prm.labels.base import Costs, Labeller, Unlabelled
from prm.labels.judge import StepJudge, cost_of
from tasks.readers.labelled import LabelledSolution, labels_until


class Consensus:
    """Leaves a solution out where the two disagree, or one of them says nothing.

    ``estimate`` must give hard labels. The judge is asked no further than the estimate's first error: whatever it says
    behind that place could not make the two agree.
    """

    def __init__(self, estimate: Labeller, judge: StepJudge) -> None:
        self.disagreed = 0
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
            cost = dict(one.meta["cost"]) | cost_of(judgement).spent()
            about = {"method": "consensus", "estimate": one.meta["method"], "cost": cost}
            labels = labels_until(len(one.steps), one.first_error)
            found[at] = replace(one, labels=labels, meta={**one.meta, **about})
        return found


def _is_known(one: LabelledSolution) -> bool:
    """Is every step up to the first error labelled?"""
    end = len(one.labels) if one.first_error == -1 else one.first_error + 1
    return None not in one.labels[:end]


def _most(one: LabelledSolution | None) -> int:
    assert one is not None, "those are the known ones"
    return len(one.steps) if one.first_error == -1 else one.first_error + 1
