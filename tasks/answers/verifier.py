r"""Judges an answer against a reference: equal, not equal, or not decided; never a guess."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import Any

from tasks.answers import typed
from tasks.answers.expression import Head
from tasks.answers.extraction import read_final_answer
from tasks.answers.keys import answer_key
from tasks.answers.kinds import AnswerType
from tasks.answers.latex import read_latex, same_latex
from tasks.answers.number import Number
from tasks.answers.worker import WorkerFailed, require_math_verify
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Verdict

_SHOWN = 80
_CORRECT = Verdict(Outcome.CORRECT, 1.0)
_NO_ANSWER = Verdict(Outcome.UNVERIFIABLE, 0.0, note="no final answer (#### or \\boxed{})")

Found = tuple[bool | None, str]
"""Equal, not equal or not decided, and a note for people."""


class UnreadableReference(ValueError):
    """A reference answer that cannot be read as its kind: the problem must be set aside."""


class _UnreadableAnswer(Exception):
    pass


class AnswerVerifier:
    """Correct iff the solution's final answer equals the problem's answer (tasks.problem.Verifier)."""

    def __init__(self, kind: AnswerType = AnswerType.NUMBER, tolerance: float = 0.0) -> None:
        """Raises UserError for a tolerance that cannot be, and for ``latex`` without the extra ``math``."""
        check_tolerance(kind, tolerance)
        if kind is AnswerType.LATEX:
            require_math_verify()
        self.kind = kind
        self.tolerance = tolerance

    def verify(self, problem: Problem, solution: str) -> Verdict:
        r"""The verdict on the solution's last ``####`` or ``\boxed{}``.

        Raises ValueError for a reference answer that cannot be read: tasks leave such problems out when they load.
        """
        answer = read_final_answer(solution)
        try:
            if answer is None:
                return _NO_ANSWER
            return judge(answer, problem.answer, self.kind, self.tolerance)
        except UnreadableReference as error:
            raise UnreadableReference(f"problem {problem.id}: {error}") from error

    def answer_key(self, problem: Problem, solution: str) -> Hashable | None:
        """What solutions with equal answers share (tasks.problem.KnowsAnswers). A tolerance does not count."""
        answer = read_final_answer(solution)
        return None if answer is None else answer_key(answer, self.kind)


def judge(answer: str, reference: str, kind: AnswerType, tolerance: float = 0.0) -> Verdict:
    """Reward 1 for an answer equal to the reference, else 0; what cannot be read or decided is ``unverifiable``.

    ``tolerance`` is the largest absolute difference of two numbers that are still equal; 0 compares exactly.
    ``error`` means that math-verify's worker cannot be kept alive. Raises UnreadableReference (a ValueError), and
    UserError if math-verify is needed and missing.
    """
    try:
        is_equal, note = _same(answer, reference, kind, tolerance)
    except _UnreadableAnswer:
        note = f"the final answer {answer[:_SHOWN]!r} cannot be read as {kind.value}"
        return Verdict(Outcome.UNVERIFIABLE, 0.0, note=note)
    except WorkerFailed as error:
        return Verdict(Outcome.ERROR, 0.0, note=str(error))
    if is_equal:
        return _CORRECT
    if is_equal is None:
        return Verdict(Outcome.UNVERIFIABLE, 0.0, note=f"the final answer {answer[:_SHOWN]!r}: {note}")
    return Verdict(Outcome.WRONG, 0.0, note=f"the final answer is {answer[:_SHOWN]}")


def is_readable(reference: str, kind: AnswerType) -> bool:
    """Whether a text can be the reference answer of a problem whose answers are of this kind."""
    return _READERS[kind](reference) is not None


def check_tolerance(kind: AnswerType, tolerance: float) -> None:
    """Raises UserError for one that is negative, not finite, or declared where answers are no numbers."""
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise UserError(f"task.tolerance must be a finite number and not negative, got {tolerance}")
    if tolerance and kind not in typed.NUMBER_READERS:
        raise UserError(f"task.tolerance={tolerance} needs answers that are numbers, but task.answer_type={kind.value}")


_READERS: dict[AnswerType, Callable[[str], Any]] = {
    **typed.NUMBER_READERS,
    AnswerType.LIST: typed.read_members,
    AnswerType.SET: typed.read_members,
    AnswerType.INTERVAL: typed.read_intervals,
    AnswerType.BOOLEAN: typed.read_boolean,
    AnswerType.TEXT: typed.read_words,
    AnswerType.LATEX: read_latex,
}
"""Each gives None for a text that it cannot read."""

_ANSWER_READERS: dict[AnswerType, Callable[[str], Any]] = {
    **_READERS,
    **{kind: typed.read_number for kind in typed.NUMBER_READERS if kind is not AnswerType.PERCENTAGE},
    AnswerType.LATEX: typed.parse_or_none,
}
"""The same for answers, of which less is asked: what is not whole is a wrong integer, not an unreadable one."""


def _same(answer: str, reference: str, kind: AnswerType, tolerance: float) -> Found:
    expected = _READERS[kind](reference)
    if expected is None:
        raise UnreadableReference(f"the reference answer {reference[:_SHOWN]!r} cannot be read as {kind.value}")
    found: Any = _ANSWER_READERS[kind](answer)
    if found is None and kind is AnswerType.LATEX and expected.head is Head.TEXT:
        words = typed.read_words(reference)
        if words is not None and words == typed.read_words(answer):
            return True, ""
    if found is None:
        raise _UnreadableAnswer
    match kind:
        case AnswerType.LATEX:
            return same_latex(reference, expected, answer, found)
        case AnswerType.LIST | AnswerType.SET:
            return typed.same_members(expected, found, kind is AnswerType.LIST)
        case AnswerType.INTERVAL:
            return typed.same_intervals(expected, found)
        case AnswerType.BOOLEAN | AnswerType.TEXT:
            return expected == found, ""
    return _same_number(expected, found, tolerance), ""


def _same_number(expected: Number, found: Number, tolerance: float) -> bool:
    if not tolerance or expected.is_percent is not found.is_percent:
        return expected == found
    return abs(expected.value - found.value) <= Fraction(str(tolerance))
