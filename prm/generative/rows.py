"""Labelled solutions with verifications as token ids, and the lessons that are learned from them.

A lesson is one verification of one step: the question is read, verification and verdict are learned, and the verdict is
the step's label. A verification that comes to another verdict than the label is left out (``only_agreeing``), as
ThinkPRM (arXiv 2504.16828, section 3.2) filters what its teacher wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from transformers import PreTrainedTokenizerFast

from lm.rows import TextRow
from prm.answer_prompt import AnswerPrompt
from prm.generative.asking import Question, Verdicts
from prm.generative.form import TrainedForm, fence_words, plain_prompts
from prm.generative.verifications import Verification, verifications_of
from prm.losses.classes import is_right
from prm.model import PromptIds
from prm.public.reading import without
from prm.step_rows import StepEncoder, StepRow
from tasks.errors import DataError
from tasks.readers.labelled import LabelledSolution


@dataclass(frozen=True, slots=True)
class Lesson:
    """One verification and its verdict, to be learned behind the question."""

    row: TextRow
    is_right: bool


@dataclass(frozen=True, slots=True)
class VerifiedRow(StepRow):
    """A solution with a question and any number of lessons for each step. ``left_out``: lessons that disagreed."""

    questions: tuple[Question, ...] = ()
    lessons: tuple[tuple[Lesson, ...], ...] = ()
    left_out: int = 0

    @property
    def length(self) -> int:
        """Tokens of the longest lesson, or of the longest question with the shortest answer."""
        lessons = (one.row.length for own in self.lessons for one in own)
        return max([self.questions[-1].least, *lessons])

    def until(self, tokens: int) -> VerifiedRow:
        """The first steps that a model of so many tokens can read with all their lessons."""
        kept = 0
        for question, own in zip(self.questions, self.lessons, strict=True):
            if max([question.least, *(one.row.length for one in own)]) > tokens:
                break
            kept += 1
        cut = {name: getattr(self, name)[:kept] for name in ("steps", "labels", "observed", "questions", "lessons")}
        return replace(self, **cut)


class VerificationEncoder(StepEncoder):
    """Solutions to rows with lessons. ``threshold``: labels above it are right; None: a label must be 1 or -1."""

    def __init__(
        self,
        prompt_ids: PromptIds,
        tokenizer: PreTrainedTokenizerFast,
        step_end: str = "\n",
        answer: AnswerPrompt | None = None,
        threshold: float | None = None,
        only_agreeing: bool = True,
        form: TrainedForm | None = None,
    ) -> None:
        super().__init__(plain_prompts(prompt_ids, tokenizer), tokenizer, step_end, answer)
        self.form = form or TrainedForm(tokenizer)
        self._threshold, self._only_agreeing = threshold, only_agreeing
        self._words = fence_words(tokenizer)

    def __call__(self, solution: LabelledSolution) -> VerifiedRow:
        """DataError for misshapen verifications, and for ids that do not spell them; UserError for a label between."""
        row = self.questions_of(solution)
        lessons: list[tuple[Lesson, ...]] = []
        left_out = 0
        for at, own in enumerate(verifications_of(solution, row.problem_id)):
            label = row.labels[at]
            if label is None or not own:
                lessons.append(())
                continue
            right = is_right(label, self._threshold, row)
            kept = [one for one in own if not self._only_agreeing or one.verdict in (None, right)]
            left_out += len(own) - len(kept)
            lessons.append(tuple(self._lesson(row, at, one, right) for one in kept))
        return replace(row, lessons=tuple(lessons), left_out=left_out)

    def questions_of(self, solution: LabelledSolution) -> VerifiedRow:
        """The row without lessons: what is asked when it is judged, whatever it is labelled with."""
        row = super().__call__(solution)
        questions = tuple(self.form.question(row.prompt, row.steps[: at + 1]) for at in range(len(row.steps)))
        return VerifiedRow(
            **{each.name: getattr(row, each.name) for each in fields(row)},
            questions=questions,
            lessons=((),) * len(questions),
        )

    def encode(self, text: str) -> tuple[int, ...]:
        """The ids of a step of which there is only the text, without what stands for a fence."""
        return super().encode(without(text, self._words))

    def _lesson(self, row: VerifiedRow, at: int, one: Verification, right: bool) -> Lesson:
        if one.token_ids and not self._spells(one.token_ids, one.text):
            raise DataError(
                f"problem {row.problem_id}, step {at}: the token ids of a verification do not spell its text "
                f"({one.text[:40]!r}); name the policy that sampled it as base, or leave its token_ids empty"
            )
        ids = one.token_ids or self._tokenizer.encode(one.text, add_special_tokens=False)
        return Lesson(TextRow(row.problem_id, row.questions[at].ids, self.form.target(ids, right)), right)


def longest_of(rows: Sequence[StepRow]) -> int:
    """Tokens of the longest lesson: as many are given a verification when the model is asked."""
    read = [row for row in rows if isinstance(row, VerifiedRow)]
    return max((one.row.learned for row in read for own in row.lessons for one in own), default=1)


def row_values(verdicts: Verdicts, rows: Sequence[StepRow]) -> list[list[float]]:
    """The value of each step of each solution; all are asked together."""
    read = [row for row in rows if isinstance(row, VerifiedRow)]
    found = iter(verdicts.values([question for row in read for question in row.questions]))
    return [[next(found) for _ in row.questions] for row in read]
