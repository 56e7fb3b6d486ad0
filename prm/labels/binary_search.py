"""The first error by binary search over the prefixes of a wrong solution, with continuations used again.

OmegaPRM (Luo et al. 2024, arXiv 2406.06592), section 3.1 and 3.2: a prefix is good if one of its k continuations ends
right. If goodness is monotone (nothing good follows a bad prefix), the first bad prefix is found by looking at about
log2(n) of n prefixes instead of all. Where it is not, the search still finds a place where good turns to bad.

Every continuation also is one of each longer prefix that it runs through (its end is then distributed as that prefix's
own), so it counts there too, for every solution of the problem; and a right solution shows that each of its prefixes is
good. So fewer continuations are asked for than the k of each prefix that is looked at.

What is not done: OmegaPRM's choice of which continuation to search next; the solutions to be labelled are given.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from mcts.step import ProposeRequest, joined
from mcts.trajectory import Trajectory
from prm.labels.base import Continuer, Costs, Prefix, Unlabelled, ask_after, labelled, prefix_of
from prm.labels.monte_carlo import count_continuations, hard_value
from tasks.problem import Outcome
from tasks.readers.labelled import LabelledSolution, labels_until


@dataclass
class _Search:
    """After ``good`` steps a right end is known of, or ``good`` is 0; after ``bad`` steps none is."""

    one: Unlabelled
    good: int
    bad: int
    cost: Costs = field(default_factory=Costs)
    is_open: bool = True


class BinarySearch:
    """Labels up to the first error, by at most ``count`` continuations a prefix; nothing is said of the steps behind.

    A right solution is right in every step, without a continuation. A solution is left out if the verifier failed on
    every continuation of a prefix that had to be looked at.
    """

    def __init__(self, continuer: Continuer, count: int, seed: int) -> None:
        self.costs = Costs()
        self._continuer = continuer
        self._count = count
        self._seed = seed

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]:
        """In waves: every search that is not over has its middle prefix looked at."""
        ends: dict[Prefix, Counter[Outcome]] = defaultdict(Counter)
        looked_at: set[Prefix] = set()
        searches = [_Search(one, 0, len(one.steps), is_open=not one.is_right) for one in solutions]
        for one in solutions:
            if one.is_right:
                _note(ends, one.trajectory, 1)
        while asked := self._questions(searches, ends, looked_at):
            looked_at |= asked.keys()
            for request, answer in zip(asked.values(), self._continuer.complete([*asked.values()]), strict=True):
                for each in answer:
                    _note(ends, each, len(request.prefix))
        for search in searches:
            self.costs.add(search.cost)
        return [self._labelled(search) for search in searches]

    def _questions(
        self, searches: Sequence[_Search], ends: dict[Prefix, Counter[Outcome]], looked_at: set[Prefix]
    ) -> dict[Prefix, ProposeRequest]:
        """Narrow every search by what is known; what must be asked to narrow them further."""
        asked: dict[Prefix, ProposeRequest] = {}
        for search in searches:
            if search.is_open:
                self._narrow(search, ends, looked_at)
            if not search.is_open or search.bad - search.good == 1:
                continue
            middle = (search.good + search.bad) // 2
            prefix = prefix_of(search.one, middle)
            if prefix in looked_at:
                search.is_open, search.bad = False, 0  # the verifier failed on all of it
            elif prefix not in asked:
                missing = self._count - _known(ends[prefix])
                asked[prefix] = ask_after(search.one, middle, missing, self._seed, len(asked))
                count_continuations(search.cost, missing)
        return asked

    def _narrow(self, search: _Search, ends: dict[Prefix, Counter[Outcome]], looked_at: set[Prefix]) -> None:
        """To between the last prefix that is known to be good and the first one behind it that is known to be bad."""
        values = {}
        for end in range(search.good + 1, search.bad):
            prefix = prefix_of(search.one, end)
            is_enough = ends[prefix][Outcome.CORRECT] or _known(ends[prefix]) >= self._count or prefix in looked_at
            values[end] = hard_value(ends[prefix]) if is_enough else None
        search.good = max((end for end, value in values.items() if value == 1), default=search.good)
        search.bad = min(
            (end for end, value in values.items() if value == -1 and end > search.good), default=search.bad
        )

    def _labelled(self, search: _Search) -> LabelledSolution | None:
        if not search.bad:
            return None
        one, first_error = search.one, -1 if search.one.is_right else search.bad - 1
        labels = labels_until(len(one.steps), first_error)
        return labelled(one, labels, "binary_search", search.cost, continuations=self._count)


def _note(ends: dict[Prefix, Counter[Outcome]], whole: Trajectory, begin: int) -> None:
    """Count how a solution ended at every prefix of it of at least ``begin`` steps."""
    if whole.verdict is not None:
        for end in range(begin, len(whole.steps)):
            ends[whole.problem_id, joined(whole.steps[:end])][whole.verdict.outcome] += 1


def _known(outcomes: Counter[Outcome]) -> int:
    return outcomes.total() - outcomes[Outcome.ERROR]
