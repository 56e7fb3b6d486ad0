"""From several solutions to one answer, without ground truth: the best by the PPM's scores, and votes.

Formulas are those of Snell et al. 2024 (*Scaling LLM test-time compute optimally*, appendix on answer aggregation) and
of Hugging Face's search-and-learn. A score s in [-1, 1] counts as the probability p = (1 + s) / 2: for a PPM, whose
score is tanh of its output x, that is sigmoid(2 x), so products and weights of votes are never negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from statistics import fmean

from mcts.tree import SearchTree
from tasks.answers import solution_key
from tasks.options import Option


class Aggregation(Option):
    """How the PPM's step scores become the score of a solution."""

    LAST = "last"  # the score read at the last step (rStar-Math)
    MIN = "min"  # that of the weakest step
    PRODUCT = "product"  # of the steps' p = (1 + score) / 2: long solutions score low (Let's verify step by step)
    MEAN = "mean"  # of all steps
    SOFT_MIN = "soft_min"  # mean with weights softmax(-score / 0.1): nearly the weakest step, yet all count (PURE)


_TEMPERATURE = 0.1  # of soft_min, PURE's (arXiv 2504.15275, section 3)


def _soft_min(shares: Sequence[float]) -> float:
    least = min(shares)
    weights = [math.exp(2 * (least - share) / _TEMPERATURE) for share in shares]  # a score is 2 share - 1
    return math.fsum(weight * share for weight, share in zip(weights, shares, strict=True)) / math.fsum(weights)


_COMBINE: dict[Aggregation, Callable[[Sequence[float]], float]] = {
    Aggregation.LAST: lambda shares: shares[-1],
    Aggregation.MIN: min,
    Aggregation.PRODUCT: math.prod,
    Aggregation.MEAN: fmean,
    Aggregation.SOFT_MIN: _soft_min,
}


def aggregate(scores: Iterable[float], aggregation: Aggregation) -> float:
    """The score, in [0, 1], of a solution whose steps have these scores in [-1, 1], the first step's first."""
    return _COMBINE[aggregation]([(1 + score) / 2 for score in scores])


def node_score(tree: SearchTree, node: int, aggregation: Aggregation) -> float:
    """The score, in [0, 1], of the steps that lead to ``node``, each of which must have one."""
    return aggregate((tree.score[step] for step in tree.path(node)), aggregation)


def ended(tree: SearchTree) -> list[int]:
    """The nodes that end a solution, dead ends left out."""
    return [node for node in tree.terminals() if node and node not in tree.dead_ends]


def solution_of(tree: SearchTree, aggregation: Aggregation) -> str | None:
    """The answer of a search without ground truth: the ended solution that the PPM scores highest, or None.

    Ties go to more visits, then to what was found first.
    """
    nodes = ended(tree)
    if not nodes:
        return None
    best = max(nodes, key=lambda node: (node_score(tree, node, aggregation), tree.visits[node], -node))
    return tree.trajectory(best).text


AnswerKey = Callable[[str], Hashable | None]
"""What solutions with equal answers share; None for a solution that has no vote (``tasks.answers.votes_of``)."""


def vote(solutions: Sequence[str], weights: Sequence[float] | None = None, key: AnswerKey = solution_key) -> str | None:
    """A solution with the answer that has most votes; None if no solution has a readable one.

    Equal answers are one however they are written (``1,000`` and ``1000.0``). A solution has one vote, or
    ``weights`` of them (weighted best-of-N). Of several winners, and of their solutions, the first one is taken.
    """
    totals: dict[Hashable, float] = {}
    first: dict[Hashable, str] = {}
    for text, weight in zip(solutions, weights or [1.0] * len(solutions), strict=True):
        answer = key(text)
        if answer is None:
            continue
        totals[answer] = totals.get(answer, 0.0) + weight
        first.setdefault(answer, text)
    return first[max(totals, key=lambda answer: totals[answer])] if totals else None


def vote_of(tree: SearchTree, aggregation: Aggregation, key: AnswerKey = solution_key) -> str | None:
    """The weighted vote of a tree's solutions; equal ones of one parent have one vote."""
    nodes = ended(tree)
    return vote([tree.trajectory(n).text for n in nodes], [node_score(tree, n, aggregation) for n in nodes], key)
