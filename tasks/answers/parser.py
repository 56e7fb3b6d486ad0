r"""From an answer to its tree: lists, relations, sets, intervals, matrices, quantities and words, over formulas."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.answers.expression import Expr, Head
from tasks.answers.formula import Formulas
from tasks.answers.quantities import peel
from tasks.answers.tokens import MAX_TEXT, NAMES, Kind, Token, Unreadable, tokenise
from tasks.answers.units import may_be_unit, unit_of

_RELATIONS = frozenset(("=", "<", ">", "le", "ge", "ne", "in"))
_CLOSING_OF = {"(": (")", "]"), "[": ("]", ")")}
_ENDS = (")", "]", "}", "}set", "&", "\\\\", "end", "rfloor", "rceil")
_DATE = re.compile(r"[0-9]{4}([-/])[0-9]{1,2}\1[0-9]{1,2}|[0-9]{1,2}([-/])[0-9]{1,2}\2[0-9]{4}")  # no calculation
_WORDING = re.compile(r"[A-Za-z][A-Za-z .'-]*")


def parse(text: str, grouping: bool = True) -> Expr:
    """The tree of an answer. Raises Unreadable, with what is wrong, and nothing else."""
    if _is_wording(text) or _DATE.fullmatch(text.strip()):
        return Expr(Head.TEXT, label=text.strip())
    parser = _Answers(tokenise(text, grouping))
    found = parser.answer()
    if parser.position < len(parser.tokens):
        raise Unreadable(f"{parser.tokens[parser.position].text!r} where an answer should end")
    return found


def _is_wording(text: str) -> bool:
    """Whether an answer is words alone: letters, and a word of four that is no function's name."""
    if len(text) > MAX_TEXT or not _WORDING.fullmatch(text):
        return False
    words = text.lower().split()
    long = [word for word in words if len(word) > 3 and word not in NAMES]
    return bool(long) and not {"and", "or"} & set(words)


class _Answers(Formulas):
    """Lists of relations between unions of ratios of quantities."""

    def answer(self) -> Expr:
        items = self.items()
        if not items:
            raise Unreadable("it is empty")
        return items[0] if len(items) == 1 else Expr(Head.LIST, tuple(items))

    def items(self) -> list[Expr]:
        """What stands between separators, up to a bracket or the end."""
        items: list[Expr] = []
        while self.peek() is not None and not self.at(*_ENDS):
            if items and not self.at_kind(Kind.SEPARATOR):
                raise Unreadable(f"{self.take().text!r} where an answer should end")
            while items and self.at_kind(Kind.SEPARATOR):
                self.position += 1
            items.append(self.relation())
        return items

    def relation(self) -> Expr:
        sides, operators = [self.union()], []
        while self.at(*_RELATIONS):
            operators.append(self.take().text)
            sides.append(self.union())
        return Expr(Head.RELATION, tuple(sides), " ".join(operators)) if operators else sides[0]

    def union(self) -> Expr:
        parts = [self.ratio()]
        while self.accept("cup"):
            parts.append(self.ratio())
        return Expr(Head.UNION, tuple(parts)) if len(parts) > 1 else parts[0]

    def ratio(self) -> Expr:
        sides = [self.quantity()]
        while self.accept(":"):
            sides.append(self.quantity())
        if len(sides) > 1 and sides[-1].head is Head.UNIT:  # 12:30 p.m.
            *rest, last = sides
            return Expr(Head.UNIT, (Expr(Head.RATIO, (*rest, last.args[0])),), last.label)
        return Expr(Head.RATIO, tuple(sides)) if len(sides) > 1 else sides[0]

    def quantity(self) -> Expr:
        """A sum with its unit, or words."""
        begin = self.position
        if self.at_kind(Kind.TEXT):
            words = self.unit()
            if unit_of(words).is_known:  # \text{s}^2 within a fraction
                return Expr(Head.TEXT, label=words)
            self.position = begin
            return self.words()
        value = self.sum()
        if value.head is Head.PRODUCT:
            value = Expr(Head.PRODUCT, value.args, _letters(self.tokens[begin : self.position]))
        number, unit = peel(value, lambda found: found.is_certain and unit_of(found.text).is_known)
        if unit is not None:
            return Expr(Head.UNIT, (number,), unit)
        if self.at_kind(Kind.TEXT) or self.at_rate():
            return self.with_unit(value)
        if self.accept("%"):
            return Expr(Head.UNIT, (value,), "%")
        return value

    def with_unit(self, value: Expr) -> Expr:
        unit = self.unit()
        if not may_be_unit(unit):
            raise Unreadable(f"words behind a formula: {unit[:40]!r}")
        if value.head is not Head.UNIT:
            return Expr(Head.UNIT, (value,), unit)
        if unit_of(unit).dimension == "count":  # \$5 million
            return Expr(Head.UNIT, value.args, f"{unit} {value.label}")
        if unit.startswith(("per ", "/")):  # \$5 per hour
            return Expr(Head.UNIT, value.args, f"{value.label} {unit}")
        return Expr(Head.UNIT, (value,), unit)

    def at_rate(self) -> bool:
        """A slash with a unit behind it."""
        below = self.peek(1)
        return self.at("/") and below is not None and below.kind is Kind.TEXT and unit_of(below.text).is_known

    def unit(self) -> str:
        """Words, with powers; products and quotients of them are units if what is behind the sign is a known one."""
        unit = self.words().label if self.at_kind(Kind.TEXT) else ""
        while True:
            if self.accept("^"):
                unit += f"^{self.factor_value()}"
            elif self.at("*", "/") and (name := self.unit_name(1)):
                unit += self.take().text + name
                self.position += len(name) if self.at_kind(Kind.SYMBOL) else 1
            elif self.at_kind(Kind.TEXT):
                unit += f" {self.words().label}"
            else:
                return unit

    def unit_name(self, ahead: int) -> str:
        """The known unit that the tokens there are: one of words, or letters without a space between them."""
        token = self.peek(ahead)
        if token is None or token.kind not in (Kind.TEXT, Kind.SYMBOL):
            return ""
        name = token.text
        while token.kind is Kind.SYMBOL and (letter := self.peek(ahead + len(name))) is not None and letter.is_glued:
            name += letter.text
        return name if unit_of(name).is_known else ""

    def words(self) -> Expr:
        """A run of words; letters between them belong to it (``plan b``)."""
        words: list[str] = []
        while self.at_kind(Kind.TEXT) or (words and self.at_kind(Kind.SYMBOL)):
            words.append(self.take().text)
        return Expr(Head.TEXT, label=" ".join(words))

    def structure(self, opening: str) -> Expr:
        """A point or interval, a set, or a matrix."""
        match opening:
            case "emptyset":
                return Expr(Head.SET)
            case "(" | "[":
                return self.group(opening)
            case "{set":
                items = self.items()
                self.expect("}set")
                return Expr(Head.SET, tuple(items))
            case "begin":
                return self.matrix()
        raise Unreadable(f"{opening!r} where a formula should go on")

    def group(self, opening: str) -> Expr:
        items = self.items()
        closing = self.expect(*_CLOSING_OF[opening])
        if len(items) == 1 and opening + closing == "()" and items[0].head is not Head.RELATION:
            return items[0]
        return Expr(Head.GROUP, tuple(items), opening + closing)

    def matrix(self) -> Expr:
        self.take()  # its name
        rows: list[list[Expr]] = []
        while not self.accept("end"):
            rows.append([self.relation()])
            while self.accept("&"):
                rows[-1].append(self.relation())
            if not self.at("end"):
                self.expect("\\\\")
        if not rows or len({len(row) for row in rows}) != 1:
            raise Unreadable("a matrix whose rows differ in length")
        return Expr(Head.MATRIX, tuple(Expr(Head.GROUP, tuple(row), "[]") for row in rows))


def _letters(tokens: Sequence[Token]) -> str:
    """The words that a product's letters may be (``dog``); "" for what is clearly a product."""
    if not any(token.is_glued for token in tokens) or any(token.kind is not Kind.SYMBOL for token in tokens):
        return ""
    return "".join(token.text if token.is_glued else f" {token.text}" for token in tokens).strip()
