"""Graders of the text as it stands: equality, length, and the form that a regular expression describes."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.errors import UserError
from tasks.graders.base import Item, Resources, failed, graded, unverifiable
from tasks.graders.linear_regex import LinearRegex, TooMuchWork, UnsupportedPattern
from tasks.graders.spec import Spec
from tasks.options import Option
from tasks.problem import Verdict


class Part(Option):
    """What of an item is looked at."""

    ANSWER = "answer"  # the final answer: the last \boxed{} or ####
    TEXT = "text"  # all of it


class Operation(Option):
    """How two texts are compared. A leading ``i`` takes upper and lower case for the same."""

    EQ = "eq"
    NE = "ne"
    IEQ = "ieq"
    CONTAINS = "contains"
    ICONTAINS = "icontains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"


class Unit(Option):
    """What a length is counted in."""

    CHARACTERS = "characters"
    WORDS = "words"  # stretches without white space
    LINES = "lines"  # those that are not blank


class Match(Option):
    """Where a pattern must match."""

    FULL = "full"  # from the beginning to the end
    SEARCH = "search"  # somewhere


def part_of(item: Item, part: Part) -> str | None:
    """The final answer or all of an item; None where there is no final answer."""
    if part is Part.TEXT:
        return item.text
    if item.answer is not None:
        return item.answer
    from tasks.answers.extraction import read_final_answer

    return read_final_answer(item.text)


@dataclass(frozen=True, slots=True)
class StringCheck:
    """Compares texts without their outer white space. An empty reference is an ``error``: it would contain nothing."""

    operation: Operation
    part: Part
    reference: str | None

    def grade(self, item: Item) -> Verdict:
        reference = (item.reference if self.reference is None else self.reference).strip()
        if not reference:
            return failed("the reference is empty")
        found = part_of(item, self.part)
        if found is None:
            return unverifiable("there is no final answer (#### or \\boxed{})")
        return graded(float(_holds(self.operation, found.strip(), reference)))


def _holds(operation: Operation, found: str, reference: str) -> bool:
    match operation:
        case Operation.EQ:
            return found == reference
        case Operation.NE:
            return found != reference
        case Operation.IEQ:
            return found.casefold() == reference.casefold()
        case Operation.CONTAINS:
            return reference in found
        case Operation.ICONTAINS:
            return reference.casefold() in found.casefold()
        case Operation.STARTS_WITH:
            return found.startswith(reference)
        case Operation.ENDS_WITH:
            return found.endswith(reference)


def string_check(spec: Spec, resources: Resources) -> StringCheck:
    """Options: ``operation``, ``of`` (answer, text), ``reference`` (else the item's)."""
    return StringCheck(
        spec.choice("operation", Operation, Operation.EQ),
        spec.choice("of", Part, Part.ANSWER),
        spec.text("reference", None),
    )


@dataclass(frozen=True, slots=True)
class Length:
    """1 from ``least`` to ``most``; beyond, it falls to 0 in a straight line over ``fade`` units (0: at once).

    A fade behind ``most`` is DAPO's soft overlong punishment (arXiv 2503.14476, section 3.4).
    """

    least: int
    most: int | None
    fade: int
    unit: Unit
    part: Part

    def grade(self, item: Item) -> Verdict:
        found = part_of(item, self.part)
        if found is None:
            return unverifiable("there is no final answer (#### or \\boxed{})")
        size = _size(found, self.unit)
        over = max(self.least - size, 0 if self.most is None else size - self.most, 0)
        return graded(1.0 if over == 0 else max(0.0, 1 - over / (self.fade + 1)), note=f"{size} {self.unit}")


def _size(text: str, unit: Unit) -> int:
    if unit is Unit.CHARACTERS:
        return len(text)
    return len(text.split()) if unit is Unit.WORDS else sum(bool(line.strip()) for line in text.splitlines())


def length(spec: Spec, resources: Resources) -> Length:
    """Options: ``min``, ``max``, ``fade``, ``unit`` (characters, words, lines), ``of`` (text, answer)."""
    least, most = spec.whole("min", 0), spec.whole("max", None)
    if most is None and not spec.has("min"):
        spec.fail("max", "given, or min")
    if most is not None and most < least:
        spec.fail("max", f"at least min, {least}")
    return Length(
        least,
        most,
        spec.whole("fade", 0),
        spec.choice("unit", Unit, Unit.CHARACTERS),
        spec.choice("of", Part, Part.TEXT),
    )


@dataclass(frozen=True, slots=True)
class RegexFormat:
    """1 if the text has the form, else 0. Linear in the text's length, whatever the pattern and the text."""

    regex: LinearRegex
    match: Match
    part: Part

    def grade(self, item: Item) -> Verdict:
        found = part_of(item, self.part)
        if found is None:
            return unverifiable("there is no final answer (#### or \\boxed{})")
        try:
            return graded(float(self.regex.matches(found, full=self.match is Match.FULL)))
        except TooMuchWork as error:
            return unverifiable(str(error))


def regex_format(spec: Spec, resources: Resources) -> RegexFormat:
    """Options: ``pattern``, ``match`` (search, full), ``ignore_case``, ``of`` (text, answer)."""
    pattern, ignore_case = spec.text("pattern"), spec.flag("ignore_case", False)
    try:
        regex = LinearRegex(pattern, ignore_case)
    except UnsupportedPattern as error:
        raise UserError(
            f"{spec.path}.pattern: must be a pattern that can be matched in linear time; {error}"
        ) from error
    return RegexFormat(regex, spec.choice("match", Match, Match.SEARCH), spec.choice("of", Part, Part.TEXT))
