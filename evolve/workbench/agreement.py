"""Consensus without a judge: only solutions of which Monte-Carlo and the tree name the same first error.

The filter of Zhang et al. 2025 (arXiv 2501.07301, section 3.2; ``prm.labels.consensus``), with the search tree in the
judge's place: there a step is wrong where no right end was found below it. The two estimates share the solutions and
the verifier, but no sample: the tree was grown by a search, the continuations were drawn afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.readers.labelled import Label, LabelledSolution, labels_until


def agreed(estimated: Iterable[LabelledSolution], weighted: Iterable[LabelledSolution]) -> list[LabelledSolution]:
    """The solutions of ``estimated`` (hard labels) on whose first error the tree agrees, labelled up to it.

    ``weighted``: the same solutions, or more, with their weighted values.
    """
    by_tree = {(one.prompt, one.steps): first_fall(one.labels) for one in weighted}
    kept = []
    for one in estimated:
        if by_tree.get((one.prompt, one.steps)) == one.first_error:
            labels = labels_until(len(one.steps), one.first_error)
            kept.append(_relabelled(one, labels, "agreement"))
    return kept


def first_fall(labels: Iterable[Label]) -> int:
    """Index of the first step below which the tree has no right end, -1 if there is none.

    Weighted values (``prm.labels.weighted_value``) rise at every step below which there is one, and at no other.
    """
    before = -1.0  # a label of 2 V - 1, from V = 0
    for at, label in enumerate(labels):
        if label is None or label <= before:
            return at
        before = label
    return -1


def outcomes_alone(solutions: Iterable[LabelledSolution]) -> list[LabelledSolution]:
    """The solutions with their verdict as the last step's label, and no other."""
    return [
        _relabelled(one, (None,) * (len(one.steps) - 1) + (2 * one.meta["reward"] - 1,), "outcome") for one in solutions
    ]


def _relabelled(one: LabelledSolution, labels: tuple[Label, ...], method: str) -> LabelledSolution:
    return LabelledSolution(one.prompt, one.steps, labels, one.answer, {**one.meta, "method": method}, one.token_ids)
