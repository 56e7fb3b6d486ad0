r"""Answers in LaTeX: words by their letters, structures and formulas exactly, and math-verify for what remains."""

from __future__ import annotations

import time
from functools import lru_cache

from tasks.answers import worker
from tasks.answers.equality import MAX_STEPS, Comparison
from tasks.answers.exact import expand
from tasks.answers.expression import Expr, Head
from tasks.answers.forms import normal, plain_words
from tasks.answers.polynomial import TooLarge, Undefined, Work
from tasks.answers.render import render
from tasks.answers.typed import parse_or_none

_LEAVES_OPEN = frozenset((Head.LIST, Head.SET, Head.UNION, Head.GROUP, Head.MATRIX, Head.RATIO, Head.RELATION))
_LEAST_SECONDS = 0.05


@lru_cache(maxsize=4096)
def read_latex(text: str) -> Expr | None:
    """The tree of an answer whose formulas all have a meaning, or None."""
    expr = parse_or_none(text)
    return expr if expr is not None and _has_meaning(normal(expr), Work(MAX_STEPS)) else None


def same_latex(reference: str, expected: Expr, answer: str, found: Expr) -> tuple[bool | None, str]:
    """Whether the answer is equal to the reference, None if that is not decided; and a note."""
    words = plain_words(reference)
    if words and Head.TEXT in (expected.head, found.head) and words == plain_words(answer):
        return True, ""
    proof = _Proof()
    comparison = Comparison(proof)
    verdict = comparison.same(expected, found)
    return verdict, proof.note or comparison.note


class _Proof:
    """Asks the worker, for at most the deadline altogether: processor time, this thread's and the worker's for it."""

    def __init__(self) -> None:
        self.began = time.thread_time()
        self.left: float | None = None
        self.note = ""

    def __call__(self, left: Expr, right: Expr) -> bool | None:
        if self.left is None:
            self.left = worker.DEADLINE - (time.thread_time() - self.began)
        if self.left < _LEAST_SECONDS:
            self.note = "not decided in time"
            return None
        names: dict[str, str] = {}
        try:
            compared = worker.compare(render(left, names), render(right, names), self.left)
        except Undefined as error:
            self.note = str(error)
            return None
        self.left -= compared.seconds
        self.note = compared.note
        return compared.equal


def _has_meaning(expr: Expr, work: Work) -> bool:
    """Formulas that are too large for exact arithmetic are given the benefit of the doubt."""
    if expr.head in _LEAVES_OPEN or expr.head is Head.UNIT:
        return all(_has_meaning(arg, work) for arg in expr.args)
    if expr.head is Head.TEXT:
        return True
    if expr.head is Head.PRODUCT and expr.args[-1].head is Head.UNIT:
        return all(_has_meaning(arg, work) for arg in expr.args)
    try:
        expand(expr, work)
    except TooLarge:
        return True
    except Undefined:
        return False
    return True
