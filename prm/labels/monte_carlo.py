"""Monte-Carlo labels: how often the policy comes to a right end from after a step.

Math-Shepherd (Wang et al. 2023, arXiv 2312.08935), section 3.3: N continuations of every prefix. Hard estimation: the
step is right if any of them ends right; soft estimation: the share p of them that does, here as 2p - 1. After the last
step there is nothing to continue: its label is the verdict.

A soft label below 0 says "more often wrong than right from here", not "this step is wrong": on a problem that is hard
for the policy all labels may lie below 0. First errors are the hard labels' affair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mcts.step import ProposeRequest
from prm.labels.base import Continuer, Costs, Prefix, Unlabelled, ask_after, labelled, prefix_of
from tasks.problem import Outcome
from tasks.readers.labelled import Label, LabelledSolution


def soft_value(outcomes: Counter[Outcome]) -> Label:
    """2p - 1, p being the share of right ends among those that the verifier did not fail on; None if it always did."""
    known = outcomes.total() - outcomes[Outcome.ERROR]
    return 2 * outcomes[Outcome.CORRECT] / known - 1 if known else None


def hard_value(outcomes: Counter[Outcome]) -> Label:
    """1 if there is a right end, else -1; None if the verifier failed on all."""
    value = soft_value(outcomes)
    return None if value is None else 1.0 if value > -1 else -1.0


class MonteCarlo:
    """Labels every step by ``count`` continuations from after it. Equal prefixes are continued once."""

    def __init__(self, continuer: Continuer, count: int, seed: int, *, hard: bool) -> None:
        self.costs = Costs()
        self._continuer = continuer
        self._count = count
        self._seed = seed
        self._hard = hard

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]:
        """Never leaves one out."""
        spent = [Costs() for _ in solutions]
        outcomes = self._outcomes(solutions, spent)
        return [self._labelled(one, outcomes, cost) for one, cost in zip(solutions, spent, strict=True)]

    def _outcomes(self, solutions: Sequence[Unlabelled], spent: list[Costs]) -> dict[Prefix, Counter[Outcome]]:
        """How the continuations of each prefix ended; who asks for a prefix first bears its cost."""
        asked: dict[Prefix, ProposeRequest] = {}
        for one, cost in zip(solutions, spent, strict=True):
            for end in range(1, len(one.steps)):
                prefix = prefix_of(one, end)
                if prefix not in asked:
                    asked[prefix] = ask_after(one, end, self._count, self._seed, len(asked))
                    count_continuations(cost, self._count)
        for cost in spent:
            self.costs.add(cost)
        answers = self._continuer.complete(list(asked.values()))
        ends = ([each.verdict.outcome for each in answer if each.verdict is not None] for answer in answers)
        return {prefix: Counter(found) for prefix, found in zip(asked, ends, strict=True)}

    def _labelled(self, one: Unlabelled, outcomes: dict[Prefix, Counter[Outcome]], cost: Costs) -> LabelledSolution:
        value = hard_value if self._hard else soft_value
        inner = [value(outcomes[prefix_of(one, end)]) for end in range(1, len(one.steps))]
        last = (1.0 if one.is_right else -1.0) if self._hard else 2 * one.reward - 1
        method = "monte_carlo_hard" if self._hard else "monte_carlo_soft"
        return labelled(one, [*inner, last], method, cost, continuations=self._count)


def count_continuations(cost: Costs, count: int) -> None:
    """Each continuation is verified once."""
    cost.continuations += count
    cost.verifier_calls += count
