r"""What equal answers share, so that votes can count them: no reference is at hand, and math-verify is not asked."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from tasks.answers import typed
from tasks.answers.canonical import canonical, key_of
from tasks.answers.equality import MAX_STEPS
from tasks.answers.extraction import read_final_answer
from tasks.answers.forms import normal, without_common_name
from tasks.answers.intervals import merged
from tasks.answers.kinds import AnswerType
from tasks.answers.polynomial import Work
from tasks.problem import KnowsAnswers, Problem, Verifier


def votes_of(verifier: Verifier, problem: Problem) -> Callable[[str], Hashable | None]:
    """The key of a solution's answer, as the task's verifier reads answers; None for a solution that has no vote.

    A verifier that does not say how (a grader, or one whose right answers are many) leaves it to ``solution_key``.
    """
    if isinstance(verifier, KnowsAnswers):
        return lambda solution: verifier.answer_key(problem, solution)
    return solution_key


def solution_key(solution: str) -> Hashable | None:
    """The key of a solution's final answer, whatever its kind; None if it states none."""
    answer = read_final_answer(solution)
    return None if answer is None else canonical_key(answer)


def answer_key(answer: str, kind: AnswerType) -> Hashable | None:
    """What equal answers of a kind share, as far as exact arithmetic tells; None for what is not read as the kind."""
    match kind:
        case AnswerType.LATEX:
            return canonical_key(answer)
        case AnswerType.BOOLEAN:
            return typed.read_boolean(answer)
        case AnswerType.TEXT:
            return typed.read_words(answer)
        case AnswerType.PERCENTAGE:
            return typed.read_percentage(answer)
        case AnswerType.LIST | AnswerType.SET:
            return _members_key(answer, kind is AnswerType.LIST)
        case AnswerType.INTERVAL:
            found = typed.read_intervals(answer)
            return None if found is None else merged(found, Work(MAX_STEPS)) or canonical(found)
        case _:
            return typed.read_number(answer)


def canonical_key(answer: str) -> Hashable:
    """What equal answers share, as far as exact arithmetic tells, whatever their kind.

    Answers that differ have different keys but for what their kind and question would tell: the order of a list, and
    the name in ``x = 5``. Letters that may be a word are one (``dog`` is not ``god``).
    """
    number = typed.read_number(answer)
    if number is not None:
        return number if number.is_percent else number.value
    if typed.read_boolean(answer) is not None:
        return "text", typed.read_words(answer)
    expr = typed.parse_or_none(answer)
    return canonical(expr) if expr is not None else ("text", typed.read_words(answer) or answer)


def _members_key(answer: str, is_ordered: bool) -> Hashable | None:
    members = typed.read_members(answer)
    if members is None:
        return None
    work = Work(MAX_STEPS)
    keys = [key_of(member, work) for member in without_common_name([normal(member) for member in members])]
    return tuple(keys) if is_ordered else frozenset(keys)
