"""A file of labels judged as if it were a model: how good is a way of labelling?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.readers.labelled import LabelledSolution


class LabelFile:
    """Labels in the place of scores, so that a label method is judged like a model.

    A step without a label has that of the step before it if an error came before (what builds on it is not judged);
    otherwise the method does not know the solution.
    """

    def __init__(self, solutions: Iterable[LabelledSolution]) -> None:
        self._known = {(one.prompt, one.steps): one.labels for one in solutions}

    def values(self, solutions: Sequence[LabelledSolution]) -> list[list[float] | None]:
        """None for a solution that it does not know, or not whole."""
        return [self._scores(one) for one in solutions]

    def _scores(self, one: LabelledSolution) -> list[float] | None:
        found: list[float] = []
        for label in self._known.get((one.prompt, one.steps), (None,)):
            if label is None and min(found, default=0.0) >= 0:
                return None
            found.append(found[-1] if label is None else label)
        return found
