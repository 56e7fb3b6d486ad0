"""Graders of the final answer as what it means: a number, an interval, mathematics (tasks.answers)."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.answers import AnswerType, check_tolerance, is_readable, judge
from tasks.answers.worker import require_math_verify
from tasks.errors import UserError
from tasks.graders.base import Item, Resources, failed, unverifiable
from tasks.graders.spec import Spec
from tasks.graders.texts import Part, part_of
from tasks.problem import Verdict


@dataclass(frozen=True, slots=True)
class AnswerGrader:
    """Compares the answer (the last ``\\boxed{}`` or ``####``) with the reference. A bare answer is taken as is."""

    kind: AnswerType
    tolerance: float
    reference: str | None

    def grade(self, item: Item) -> Verdict:
        found = part_of(item, Part.ANSWER)
        if found is None:
            return unverifiable("there is no final answer (#### or \\boxed{})")
        reference = item.reference if self.reference is None else self.reference
        if not reference.strip():
            return failed("there is no reference, the right answer, to compare with (field 'reference')")
        try:
            return judge(found, reference, self.kind, self.tolerance)
        except ValueError as error:
            return failed(str(error))


def number(spec: Spec, resources: Resources) -> AnswerGrader:
    """Options: ``tolerance`` (the largest difference that counts as none), ``reference`` (else the item's)."""
    return _read(spec, AnswerType.NUMBER)


def math(spec: Spec, resources: Resources) -> AnswerGrader:
    """Options: ``answer`` (an AnswerType), ``tolerance`` (of numbers), ``reference`` (else the item's).

    UserError for ``latex`` where math-verify is not installed.
    """
    return _read(spec, spec.choice("answer", AnswerType, AnswerType.LATEX))


def _read(spec: Spec, kind: AnswerType) -> AnswerGrader:
    if kind is AnswerType.LATEX:
        require_math_verify()
    tolerance, reference = spec.number("tolerance", 0.0), spec.text("reference", None)
    try:
        check_tolerance(kind, tolerance)
    except UserError:
        spec.fail("tolerance", f"left out for answers that are no numbers (answer: {kind.value})")
    if reference is not None and not is_readable(reference, kind):
        spec.fail("reference", f"an answer of type {kind.value}")
    return AnswerGrader(kind, tolerance, reference)
