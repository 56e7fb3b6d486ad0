"""The rules of inference of ``tasks.suites.propositional``: each says what follows from which lines.

A rule is a function of the formula that is claimed and the formulas that are cited, in the order of citation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.suites.logic_formula import Formula, conjunction, implication, negation

Rule = Callable[..., bool]


@dataclass(frozen=True, slots=True)
class Inference:
    """How many lines a rule cites, and whether the claim follows from them."""

    cited: int
    follows: Rule


def _modus_ponens(claim: Formula, first: Formula, second: Formula) -> bool:
    return first == implication(second, claim) or second == implication(first, claim)


def contrary(left: Formula, right: Formula) -> bool:
    """Is one of the two the negation of the other?"""
    return left == negation(right) or right == negation(left)


def _modus_tollens(claim: Formula, first: Formula, second: Formula) -> bool:
    return any(
        one.operator == ">" and contrary(one.parts[1], other) and contrary(one.parts[0], claim)
        for one, other in ((first, second), (second, first))
    )


def _hypothetical_syllogism(claim: Formula, first: Formula, second: Formula) -> bool:
    return first.operator == second.operator == ">" and any(
        one.parts[1] == other.parts[0] and claim == implication(one.parts[0], other.parts[1])
        for one, other in ((first, second), (second, first))
    )


def _disjunctive_syllogism(claim: Formula, first: Formula, second: Formula) -> bool:
    return any(
        one.operator == "|" and one.parts[kept] == claim and contrary(one.parts[1 - kept], other)
        for one, other in ((first, second), (second, first))
        for kept in (0, 1)
    )


def _and_intro(claim: Formula, first: Formula, second: Formula) -> bool:
    return claim in (conjunction(first, second), conjunction(second, first))


def _and_elim(claim: Formula, cited: Formula) -> bool:
    return cited.operator == "&" and claim in cited.parts


def _or_intro(claim: Formula, cited: Formula) -> bool:
    return claim.operator == "|" and cited in claim.parts


def _or_elim(claim: Formula, cases: Formula, first: Formula, second: Formula) -> bool:
    return cases.operator == "|" and (first, second) in (
        (implication(cases.parts[0], claim), implication(cases.parts[1], claim)),
        (implication(cases.parts[1], claim), implication(cases.parts[0], claim)),
    )


def _double_negation_elim(claim: Formula, cited: Formula) -> bool:
    return cited == negation(negation(claim))


INFERENCES: Mapping[str, Inference] = {
    "r": Inference(1, lambda claim, cited: claim == cited),
    "mp": Inference(2, _modus_ponens),
    "mt": Inference(2, _modus_tollens),
    "hs": Inference(2, _hypothetical_syllogism),
    "ds": Inference(2, _disjunctive_syllogism),
    "&i": Inference(2, _and_intro),
    "&e": Inference(1, _and_elim),
    "|i": Inference(1, _or_intro),
    "|e": Inference(3, _or_elim),
    "~~i": Inference(1, lambda claim, cited: _double_negation_elim(cited, claim)),
    "~~e": Inference(1, _double_negation_elim),
}
"""Rules that cite single lines."""


def _implication_intro(claim: Formula, assumed: Formula, reached: Formula) -> bool:
    return claim == implication(assumed, reached)


def _negation_intro(claim: Formula, assumed: Formula, reached: Formula) -> bool:
    return contrary(claim, assumed) and reached.operator == "&" and contrary(*reached.parts)


DISCHARGES: Mapping[str, Rule] = {">i": _implication_intro, "~i": _negation_intro}
"""Rules that close a box: they are given what was assumed and the box's last line."""
