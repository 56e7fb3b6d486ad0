"""A small exact proof checker for propositional logic: natural deduction in numbered lines.

    premises P>Q (line 1), ~Q (line 2), goal ~P:

    3 P hyp             assume P: a box opens
    4 Q mp 1 3
    5 Q&~Q &i 4 2
    6 ~P ~i 3-5         the box closes; its lines cannot be cited any more

The premises are lines 1 to n; the proof's lines go on from n + 1, each ``NUMBER FORMULA RULE REFERENCES``. Semicolons
divide lines as newlines do; blank lines and ``.``, ``)`` or ``:`` behind a number do not count.

| rule | cites | concludes |       | rule | cites | concludes |
|---|---|---|                     |---|---|---|
| hyp | nothing | any A, assumed | | &i | A, B | A&B or B&A |
| mp | A>B, A | B |                | &e | A&B | A, or B |
| mt | A>B, ~B | ~A |              | \\|i | A | A\\|B, or B\\|A |
| hs | A>B, B>C | A>C |            | \\|e | A\\|B, A>C, B>C | C |
| ds | A\\|B, ~A (or ~B) | B (A) | | ~~i, ~~e | A, ~~A | ~~A, A |
| >i | box from A to B | A>B |     | ~i | box from A to B&~B | ~A |
| r | A | A |

What a rule cites may stand in any order, but for ``|e``, where the disjunction comes first. In mt, ds and ~i, ``~A``
stands for either opposite: the opposite of ``~A`` is ``A`` too. ``>i`` and ``~i`` cite the innermost open box as
``FIRST-LAST``, LAST being the line before. The logic is classical.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.suites.logic_formula import Formula, FormulaError, read_formula
from tasks.suites.logic_rules import DISCHARGES, INFERENCES

MAX_LINES = 200
"""Most lines of a proof."""

MAX_LINE = 400
"""Longest line, in characters."""

_NUMBER = re.compile(r"([0-9]{1,4})[.):]?")
_REFERENCE = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


class LineError(ValueError):
    """A line that does not follow from those before it."""


@dataclass(frozen=True, slots=True)
class ProofReport:
    """``ok``: every line is right and the last one, outside every box, is the goal.

    ``first_error_line`` is the index, from 0, of the first wrong line among the proof's lines that are not blank; -1 if
    there is none (ProcessBench's convention), even if the goal is not reached. ``note`` says what is wrong.
    """

    ok: bool
    first_error_line: int
    note: str = ""


class Derivation:
    """The lines stated so far. Each new one is judged by those before it, right or wrong."""

    def __init__(self, premises: Sequence[Formula]) -> None:
        self._stated: list[Formula | None] = [*premises]
        self._open: list[int] = []  # the numbers of assumptions whose boxes are open, outermost first
        self._closed: set[int] = set()

    @property
    def conclusion(self) -> Formula | None:
        """What the last line states, None inside a box or if it states nothing."""
        return self._stated[-1] if self._stated and not self._open else None

    def add(self, line: str) -> None:
        """State a line. Raises LineError if it does not follow; a formula that could be read counts as stated."""
        claim: Formula | None = None
        number = len(self._stated) + 1
        closing = None
        try:
            claim, rule, references = _read_line(line, number)
            if rule in DISCHARGES:
                closing = self._discharge(claim, rule, references)
            elif rule != "hyp":
                self._infer(claim, rule, references)
            elif references:
                raise LineError("hyp cites no line")
            else:
                self._open.append(number)
        finally:
            self._stated.append(claim)
        if closing is not None:
            self._closed.update(range(closing, number))
            self._open.pop()

    def _infer(self, claim: Formula, rule: str, references: list[tuple[int, int | None]]) -> None:
        inference = INFERENCES[rule]
        if len(references) != inference.cited or any(last is not None for _, last in references):
            raise LineError(f"{rule} cites {inference.cited} line{'s' * (inference.cited > 1)}")
        if not inference.follows(claim, *(self._cited(first) for first, _ in references)):
            raise LineError(f"{claim} does not follow by {rule}")

    def _discharge(self, claim: Formula, rule: str, references: list[tuple[int, int | None]]) -> int:
        """The first line of the box that the rule closes."""
        if not self._open:
            raise LineError(f"{rule} closes a box, and none is open")
        box = (self._open[-1], len(self._stated))
        if references != [box]:
            raise LineError(f"{rule} cites the innermost box, here {box[0]}-{box[1]}")
        if not DISCHARGES[rule](claim, self._cited(box[0]), self._cited(box[1])):
            raise LineError(f"{claim} does not follow by {rule}")
        return box[0]

    def _cited(self, number: int) -> Formula:
        found = self._stated[number - 1] if 1 <= number <= len(self._stated) else None
        if found is None:
            raise LineError(f"line {number} is not stated before")
        if number in self._closed:
            raise LineError(f"line {number} stands in a closed box")
        return found


def check_proof(premises: Sequence[str], goal: str, proof_text: str) -> ProofReport:
    """Does the proof derive the goal from the premises? Raises FormulaError if one of those is no formula."""
    derivation = Derivation([read_formula(premise) for premise in premises])
    wanted = read_formula(goal)
    lines = proof_lines(proof_text)
    for index, line in enumerate(lines):
        try:
            if index == MAX_LINES:
                raise LineError(f"a proof has at most {MAX_LINES} lines")
            derivation.add(line)
        except LineError as error:
            return ProofReport(False, index, f"line {index + 1 + len(premises)}: {error}")
    if not lines:
        return ProofReport(False, -1, "there is no proof")
    if derivation.conclusion != wanted:
        return ProofReport(False, -1, f"the last line does not state {wanted} outside every box")
    return ProofReport(True, -1)


def proof_lines(text: str) -> list[str]:
    """The lines of a proof that are not blank, at most MAX_LINES + 1 of them."""
    return [line for line in re.split("[\n;]", text) if line.strip()][: MAX_LINES + 1]


def _read_line(line: str, number: int) -> tuple[Formula, str, list[tuple[int, int | None]]]:
    if len(line) > MAX_LINE:
        raise LineError(f"a line has at most {MAX_LINE} characters")
    words = line.split()
    written = _NUMBER.fullmatch(words[0]) if words else None
    if written is None or int(written[1]) != number:
        raise LineError(f"it must start with its number, {number}")
    references: list[tuple[int, int | None]] = []
    while len(words) > 2 and (found := _REFERENCE.fullmatch(words[-1])):
        references.insert(0, (int(found[1]), int(found[2]) if found[2] else None))
        words.pop()
    rule = words[-1]
    if len(words) < 3 or (rule not in INFERENCES and rule not in DISCHARGES and rule != "hyp"):
        raise LineError("it must be NUMBER FORMULA RULE REFERENCES")
    try:
        return read_formula(" ".join(words[1:-1])), rule, references
    except FormulaError as error:
        raise LineError(str(error)) from None
