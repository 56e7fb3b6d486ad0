"""Derivations of suite ``logic``: how one is drawn, written, read, and worked out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.suites.logic_formula import (
    Formula,
    atom,
    conjunction,
    disjunction,
    implication,
    opposite,
    read_formula,
)

LINKS = ("mp", "mt", "ds")
"""Rules that lead from one literal to the next by a premise."""

INTRODUCTIONS = ("&i", "|i", ">i")
"""Rules that put a goal together."""


@dataclass(frozen=True, slots=True)
class Link:
    """A rule, the premise (its line, from 1) that it cites, and the literal that it concludes."""

    rule: str
    line: int
    claim: Formula

    @property
    def atom(self) -> str:
        """The name of the atom that is concluded."""
        return next(iter(self.claim.atoms()))


@dataclass(frozen=True, slots=True)
class LogicProblem:
    """Premises and goal; how the goal is put together (empty: it is the chain's last literal), and the chain.

    ``first`` is the chain's first literal, a premise unless the goal is an implication. ``trap`` is a fallacy that
    concludes the claim of a later link from the first literal.
    """

    premises: tuple[Formula, ...]
    goal: Formula
    introduction: str
    first: Formula
    links: tuple[Link, ...]
    trap: Link | None

    @property
    def prompt(self) -> str:
        lines = [f"{number} {premise}" for number, premise in enumerate(self.premises, start=1)]
        return "\n".join([*lines, f"? {self.goal}", ""])

    @property
    def answer(self) -> str:
        return "; ".join(self.proof(False))

    @property
    def level(self) -> int:
        return len(self.proof(False))

    def proof(self, falls: bool) -> list[str]:
        """The proof's lines; one that falls into the trap is wrong in that line and right in all others."""
        proof = _Proof(len(self.premises))
        given = self.introduction != ">i"
        at = self.premises.index(self.first) + 1 if given else proof.add(f"{self.first} hyp")
        opening = at
        links: Sequence[Link] = self.links
        if falls and self.trap is not None:
            claims = [link.claim for link in links]
            links = [self.trap, *links[claims.index(self.trap.claim) + 1 :]]
        for link in links:
            at = proof.add(f"{link.claim} {link.rule} {link.line} {at}")
        if self.introduction == "&i":
            proof.add(f"{self.goal} &i {opening} {at}")
        elif self.introduction == "|i":
            proof.add(f"{self.goal} |i {at}")
        elif self.introduction == ">i":
            proof.add(f"{self.goal} >i {opening}-{at}")
        return proof.lines


class _Proof:
    """Lines that are numbered as they come."""

    def __init__(self, premises: int) -> None:
        self._premises = premises
        self.lines: list[str] = []

    def add(self, line: str) -> int:
        number = self._premises + len(self.lines) + 1
        self.lines.append(f"{number} {line}")
        return number


def read_logic_problem(prompt: str) -> tuple[list[str], str]:
    """Premises and goal of a problem as texts. Raises ValueError for a prompt of another form."""
    *lines, last, end = ["", *prompt.split("\n")]
    premises = []
    for number, line in enumerate(lines[1:], start=1):
        written, _, premise = line.partition(" ")
        if written != str(number):
            raise ValueError(f"not a logic problem: {prompt!r}")
        premises.append(premise)
    if end or not last.startswith("? "):
        raise ValueError(f"not a logic problem: {prompt!r}")
    goal = last.removeprefix("? ")
    for text in (*premises, goal):
        read_formula(text)
    return premises, goal


def draw_problem(
    atoms: str, links: int, distractors: int, rules: Sequence[str], rng: np.random.Generator
) -> LogicProblem:
    """A problem whose chain has so many links; ``atoms`` must be ``links + distractors + 2`` at least."""
    literals = [_literal(name, rng) for name in rng.permutation(list(atoms)).tolist()]
    chain, others = literals[: links + 1], literals[links + 1 :]
    usable = [rule for rule in LINKS if rule in rules]
    introduction = str(rng.choice(["", *(rule for rule in INTRODUCTIONS if rule in rules)]))
    kinds = [str(rng.choice(usable)) for _ in range(links)]
    steps = [_premise(kind, chain[i], chain[i + 1], rng) for i, kind in enumerate(kinds)]
    trap_at, trap_rule = int(rng.integers(2, links + 1)) if links > 1 else 0, str(rng.choice(usable))
    given = [] if introduction == ">i" else [chain[0]]
    traps = [_bait(trap_rule, chain[0], chain[trap_at])] if trap_at else []
    idle = [_idle(chain[int(rng.integers(links + 1))], others[index], rng) for index in range(distractors)]
    stated = [*given, *steps, *traps, *idle]
    premises = tuple(stated[index] for index in rng.permutation(len(stated)).tolist())
    lines = {premise: number for number, premise in enumerate(premises, start=1)}
    found = tuple(
        Link(kind, lines[step], chain[i + 1]) for i, (kind, step) in enumerate(zip(kinds, steps, strict=True))
    )
    trap = Link(trap_rule, lines[traps[0]], chain[trap_at]) if traps else None
    goal = _goal(introduction, chain, others[-1], rng)
    return LogicProblem(premises, goal, introduction, chain[0], found, trap)


def _literal(name: str, rng: np.random.Generator) -> Formula:
    return opposite(atom(name)) if rng.random() < 0.3 else atom(name)


def _either(left: Formula, right: Formula, rng: np.random.Generator) -> Formula:
    return disjunction(left, right) if rng.random() < 0.5 else disjunction(right, left)


def _premise(rule: str, known: Formula, claim: Formula, rng: np.random.Generator) -> Formula:
    """The premise by which the rule leads from ``known`` to ``claim``."""
    if rule == "mp":
        return implication(known, claim)
    if rule == "mt":
        return implication(opposite(claim), opposite(known))
    return _either(opposite(known), claim, rng)


def _bait(rule: str, known: Formula, claim: Formula) -> Formula:
    """A premise that seems to lead from ``known`` to ``claim``. All three say only that ``claim`` implies ``known``."""
    if rule == "mp":
        return implication(claim, known)
    if rule == "mt":
        return implication(opposite(known), opposite(claim))
    return disjunction(known, opposite(claim))


def _idle(literal: Formula, other: Formula, rng: np.random.Generator) -> Formula:
    """A premise about an atom that occurs nowhere else."""
    return [implication(literal, other), implication(other, literal), _either(literal, other, rng)][rng.integers(3)]


def _goal(introduction: str, chain: Sequence[Formula], other: Formula, rng: np.random.Generator) -> Formula:
    if introduction == "&i":
        return conjunction(chain[0], chain[-1])
    if introduction == "|i":
        return _either(chain[-1], other, rng)
    return implication(chain[0], chain[-1]) if introduction == ">i" else chain[-1]
