"""The generative process model: verifications of steps and their verdicts, learned as text is.

    l = -1/n sum over the n tokens of verification, end token and verdict of log pi(token | what precedes it)

What precedes it: prompt, steps so far, the step and the end token, which are read and not learned. The mean is over
learned tokens. Source: Generative Verifiers (Zhang et al., arXiv 2408.15240, eq. 5), ThinkPRM (arXiv 2504.16828).
"""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedModel

from lm.logprobs import shared_logprobs
from lm.train import LossSum
from prm.generative.rows import Lesson, VerifiedRow
from prm.row_group import RowGroup
from prm.step_rows import StepRow
from tasks.errors import UserError


class Generative:
    """Cross-entropy of verifications and verdicts; the lessons of a solution share what they have in common."""

    outputs = 0
    on_outcomes = False

    def rows(self, solutions: Sequence[StepRow], start: PreTrainedModel) -> list[RowGroup[Lesson]]:
        """The lessons of each solution. UserError where there are none, or none of one verdict."""
        read = [row for row in solutions if isinstance(row, VerifiedRow)]
        assert len(read) == len(solutions), "made by VerificationEncoder"
        lessons = [tuple(one for own in row.lessons for one in own) for row in read]
        left_out = sum(row.left_out for row in read)
        if not any(lessons):
            found = f"all {left_out} of them disagree with the labels" if left_out else "there are none"
            raise UserError(
                f"loss=generative learns from verifications of steps, and {found}; write some with "
                "scripts.verifications, or use only_agreeing=false"
            )
        verdicts = {one.is_right for own in lessons for one in own}
        if len(verdicts) == 1:
            raise UserError(
                f"every verification to learn from ends in {'right' if verdicts.pop() else 'wrong'}, so there is "
                f"nothing to tell apart ({left_out} that disagree with the labels are left out); label more solutions, "
                "or use only_agreeing=false"
            )
        return [RowGroup(row.problem_id, own) for row, own in zip(read, lessons, strict=True) if own]

    def __call__(self, model: PreTrainedModel, groups: list[RowGroup[Lesson]]) -> LossSum[RowGroup[Lesson]]:
        logprobs_N, _ = shared_logprobs(model, [one.row for group in groups for one in group.rows])
        return LossSum(-logprobs_N.sum(), len(logprobs_N))
