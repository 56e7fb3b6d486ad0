"""Ranking among the steps that follow the same prefix: ``prm.loss.pairwise_loss`` on pairs made of labels.

    l = -log sigmoid(s_better - s_worse)

averaged over the pairs of a prefix, then over prefixes. A pair is one of the ``per_side`` highest labels against one of
the ``per_side`` lowest, at least ``min_margin`` apart. Source: rStar-Math (arXiv 2501.04519, section 3.3), whose own
pairs, chosen on a tree that knows the ends below each step, are those of ``prm.pairs``.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from transformers import PreTrainedModel

from lm.train import LossSum
from prm.step_rows import StepRow
from prm.train import NodePairs, node_loss
from tasks.errors import UserError


class Pairwise:
    """The pairwise loss of sibling steps."""

    outputs = 1
    on_outcomes = False

    def __init__(self, min_margin: float, per_side: int) -> None:
        self._min_margin = min_margin
        self._per_side = per_side

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[NodePairs]:
        """One training row a prefix that more than one step follows. UserError if no two of them differ enough."""
        found = [
            node for (name, _), steps in siblings(solutions).items() if (node := self._node(name, steps)) is not None
        ]
        if not found:
            raise UserError(
                "no two labelled steps follow the same prefix with labels at least "
                f"min_margin={self._min_margin:g} apart, so there are no pairs; use another loss, or label a tree"
            )
        return found

    def __call__(self, model: PreTrainedModel, rows: list[NodePairs]) -> LossSum[NodePairs]:
        return node_loss(model, rows)

    def _node(self, problem_id: str, steps: dict[tuple[int, ...], float]) -> NodePairs | None:
        ranked = sorted(steps, key=lambda ids: (-steps[ids], ids))
        size = min(self._per_side, len(ranked) // 2)
        pairs = [
            (better, worse)
            for better in range(size)
            for worse in range(len(ranked) - size, len(ranked))
            if steps[ranked[better]] - steps[ranked[worse]] >= self._min_margin
        ]
        if not pairs:
            return None
        places = sorted({place for pair in pairs for place in pair})
        index = {place: at for at, place in enumerate(places)}
        rows = tuple(ranked[place] for place in places)
        return NodePairs(problem_id, rows, tuple((index[better], index[worse]) for better, worse in pairs))


def siblings(solutions: Sequence[StepRow]) -> dict[tuple[str, tuple[int, ...]], dict[tuple[int, ...], float]]:
    """By problem and prefix, every labelled step after it (its ids from the prompt on) with the mean of its labels."""
    labels: dict[tuple[str, tuple[int, ...]], dict[tuple[int, ...], list[float]]] = {}
    for row in solutions:
        before = row.prompt
        for prefix, label in zip(row.prefixes(), row.labels, strict=True):
            if label is not None:
                labels.setdefault((row.problem_id, before), {}).setdefault(prefix, []).append(label)
            before = prefix
    return {key: {ids: fmean(found) for ids, found in steps.items()} for key, steps in labels.items()}
