"""The implicit process model (``prm.implicit``) on labelled solutions: outcomes in, a value for every step out.

The policy before training is the frozen reference. After t tokens of a solution the model's log-odds that it ends right
are the sum of u up to t, so the value of a step, up to its last token, is 2 sigmoid(that) - 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedModel

from lm.rows import TextRow
from prm.implicit import ImplicitLoss, JudgedRow, logprobs
from prm.losses.classes import outcome_of
from prm.row_group import RowGroup
from prm.step_rows import StepRow


class Implicit(ImplicitLoss):
    """The cross-entropy of outcomes under the log-ratio of two policies."""

    outputs = 0
    on_outcomes = True

    def __init__(self, beta: float, threshold: float | None = None) -> None:
        super().__init__(beta)
        self._threshold = threshold

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[RowGroup[JudgedRow]]:
        """The solutions with the log-probs that ``start`` gives their tokens. UserError where an outcome is missing."""
        rewards = [float(outcome_of(row, self._threshold)) for row in solutions]
        texts = [text_row(row) for row in solutions]
        known = logprobs(start, texts)
        return [
            RowGroup(text.problem_id, (JudgedRow(text, reward, tuple(own)),))
            for text, reward, own in zip(texts, rewards, known, strict=True)
        ]


def text_row(row: StepRow) -> TextRow:
    """All steps as one target; what was observed was not written by the policy, and has no log-ratio."""
    given, place = [], 0
    for step, count in zip(row.steps, row.observed or (0,) * len(row.steps), strict=True):
        place += len(step)
        if count:
            given.append((place - count, place))
    return TextRow(row.problem_id, row.prompt, tuple(token for step in row.steps for token in step), tuple(given))
