r"""Formulas, by recursive descent: sums, products with and without signs, powers, roots, functions."""

from __future__ import annotations

import re
from fractions import Fraction

from tasks.answers.cursor import MAX_DEPTH, Cursor
from tasks.answers.expression import Expr, Head, negative, number
from tasks.answers.tokens import FUNCTIONS, GREEK, Kind, Token, Unreadable

MAX_POWER_OF_TEN = 400

_REPEATING = re.compile(r"([0-9]*)\.([0-9]*)(?:\\[a-z]+\s*\{?|\()([0-9]+)[})]?")
_FACTORS = frozenset(("(", "{", "frac", "sqrt", "binom", "pi", "infty", "lfloor", "lceil")) | FUNCTIONS | GREEK


class Formulas(Cursor):
    """What is between brackets may be a structure: the subclass reads those."""

    def items(self) -> list[Expr]:
        """What stands between separators."""
        raise NotImplementedError

    def structure(self, opening: str) -> Expr:
        """What begins with a bracket, or raise Unreadable."""
        raise NotImplementedError

    def sum(self) -> Expr:
        terms = []
        sign = self.sign()
        if sign == "pm":
            left: Expr = number(0)
            left = Expr(Head.PLUS_MINUS, (left, self.product()))
            terms.append(left)
        else:
            term = self.product()
            terms.append(negative(term) if sign == "-" else term)
        while self.at("+", "-", "pm", "mp"):
            sign = self.take().text
            term = self.product()
            if sign in ("pm", "mp"):
                if any(node.head is Head.PLUS_MINUS for node in terms):
                    raise Unreadable("two signs that are not told")
                left = terms[0] if len(terms) == 1 else Expr(Head.SUM, tuple(terms))
                terms = [Expr(Head.PLUS_MINUS, (left, term))]
            else:
                terms.append(negative(term) if sign == "-" else term)
        return terms[0] if len(terms) == 1 else Expr(Head.SUM, tuple(terms))

    def sign(self) -> str:
        return self.take().text if self.at("+", "-", "pm", "mp") else ""

    def product(self) -> Expr:
        found, divisions = self.power(), 0
        while True:
            if self.accept("*"):
                found = _times(found, self.signed_power())
            elif self.at("/") and (below := self.peek(1)) is not None and below.kind is Kind.TEXT:
                return found  # a unit's
            elif self.accept("/"):
                divisions += 1
                if divisions > MAX_DEPTH:
                    raise Unreadable(f"divided more than {MAX_DEPTH} times")
                found = Expr(Head.QUOTIENT, (found, self.signed_power()))
            elif self.begins_factor():
                found = self.juxtaposed(found)
            else:
                return found

    def signed_power(self) -> Expr:
        return negative(self.power()) if self.accept("-") else self.power()

    def begins_factor(self) -> bool:
        token = self.peek()
        if token is None or token.kind in (Kind.TEXT, Kind.SEPARATOR):
            return False
        if token.kind in (Kind.NUMBER, Kind.SYMBOL):
            return True
        return token.text in _FACTORS

    def juxtaposed(self, left: Expr) -> Expr:
        """What follows without a sign: a factor, or the fraction of a mixed number (``1\\frac{4}{5}``, ``1 4/5``)."""
        after_number = self.tokens[self.position - 1].kind is Kind.NUMBER and left.head is Head.NUMBER
        begins_fraction = self.at("frac") or self.at_kind(Kind.NUMBER)  # 2(1/3) is a product
        if self.at_kind(Kind.NUMBER):
            slash = self.peek(1)
            if not (after_number and slash is not None and slash.text == "/"):
                raise Unreadable("two numbers with nothing between them")
            top, _, bottom = self.take(), self.take(), self.take()
            if bottom.kind is not Kind.NUMBER:
                raise Unreadable("a mixed number without a denominator")
            right = Expr(Head.QUOTIENT, (_number(top.text), _number(bottom.text)))
        else:
            right = self.power()
        is_fraction = begins_fraction and _is_plain_fraction(right)
        if after_number and is_fraction and left.value.denominator == 1:
            return Expr(Head.MIXED, (left, right))
        if is_fraction and left.head is Head.PRODUCT and left.args[-1].head is Head.NUMBER:
            raise Unreadable("a mixed number within a product")
        return _times(left, right)

    def power(self) -> Expr:
        found = self.primary()
        for _ in range(MAX_DEPTH):
            if self.accept("^"):
                if self.accept("circ") or self.circ_in_braces():
                    found = Expr(Head.UNIT, (found,), "degree")
                elif self.accept("'"):
                    raise Unreadable("a prime")
                else:
                    return self.postfix(Expr(Head.POWER, (found, self.exponent())))
            elif self.at("_"):
                found = self.subscripted(found)
            elif self.at("!", "circ"):
                found = self.postfix(found)
            else:
                return found
        raise Unreadable(f"more than {MAX_DEPTH} signs in a row")

    def postfix(self, found: Expr) -> Expr:
        for _ in range(MAX_DEPTH):
            if self.accept("!"):
                found = Expr(Head.FUNCTION, (found,), "factorial")
            elif self.accept("circ"):
                found = Expr(Head.UNIT, (found,), "degree")
            else:
                return found
        raise Unreadable(f"more than {MAX_DEPTH} signs in a row")

    def circ_in_braces(self) -> bool:
        texts = [token.text for token in self.tokens[self.position : self.position + 3]]
        if texts == ["{", "circ", "}"]:
            self.position += 3
            return True
        return False

    def exponent(self) -> Expr:
        with self.nested():
            return negative(self.power()) if self.accept("-") else self.braced_or_power()

    def braced_or_power(self) -> Expr:
        r"""``{...}``, or one token; a bare exponent may go on (``9^9^9``)."""
        if self.at("{"):
            found = self.braced()
            return Expr(Head.POWER, (found, self.exponent())) if self.accept("^") else found
        return self.power()

    def braced(self) -> Expr:
        self.expect("{")
        items = self.items()
        self.expect("}")
        if len(items) != 1:
            raise Unreadable("braces with not one formula in them")
        return items[0]

    def argument(self) -> Expr:
        r"""Of ``\frac`` and ``\sqrt``: ``{...}``, or one digit, letter or command."""
        if self.at("{"):
            return self.braced()
        token = self.peek()
        if token is not None and token.kind is Kind.NUMBER and token.text.isdecimal() and len(token.text) > 1:
            self.tokens[self.position : self.position + 1] = [
                Token(Kind.NUMBER, token.text[0]),
                Token(Kind.NUMBER, token.text[1:]),
            ]
        return self.primary()

    def factor_value(self) -> str:
        found = self.braced() if self.at("{") else self.primary()
        if found.head is not Head.NUMBER:
            raise Unreadable("a unit's power that is no number")
        return str(found.value)

    def subscripted(self, base: Expr) -> Expr:
        self.expect("_")
        if self.accept("{"):
            index = []
            while not self.at("}"):
                index.append(self.take().text)
            self.expect("}")
        else:
            index = [self.take().text]
        written = " ".join(index)
        if base.head is Head.NUMBER:
            return Expr(Head.UNIT, (base,), f"base {written}")
        if base.head is not Head.SYMBOL:
            raise Unreadable("an index of what is no symbol")
        return Expr(Head.SYMBOL, label=f"{base.label}_{written}")

    def primary(self) -> Expr:
        with self.nested():  # whatever nests goes through here, or through an exponent
            return self.unnested()

    def unnested(self) -> Expr:
        token = self.take()
        match token.kind:
            case Kind.NUMBER:
                return _number(token.text)
            case Kind.SYMBOL:
                return Expr(Head.SYMBOL, label=token.text)
            case Kind.TEXT | Kind.SEPARATOR:
                raise Unreadable(f"{token.text!r} within a formula")
        if token.text in FUNCTIONS or token.text in ("sqrt", "frac", "binom"):
            return self.function(token.text)
        if token.text in GREEK or token.text == "pi":
            return Expr(Head.SYMBOL, label=token.text)
        match token.text:
            case "infty":
                return Expr(Head.SYMBOL, label="oo")
            case "{":
                self.position -= 1
                return self.braced()
            case "|":
                return self.enclosed("|", "abs")
            case "lfloor":
                return self.enclosed("rfloor", "floor")
            case "lceil":
                return self.enclosed("rceil", "ceil")
            case "$":
                is_signed = self.position > 1 and self.tokens[self.position - 2].text in ("+", "-")
                sign = "" if is_signed else self.sign()
                money = Expr(Head.UNIT, (self.primary(),), "$")
                return negative(money) if sign == "-" else money
        return self.structure(token.text)

    def enclosed(self, closing: str, name: str) -> Expr:
        items = [self.sum()] if closing == "|" else self.items()
        self.expect(closing)
        if len(items) != 1:
            raise Unreadable(f"{name} of not one formula")
        return Expr(Head.FUNCTION, tuple(items), name)

    def function(self, name: str) -> Expr:
        if name == "frac":
            return Expr(Head.QUOTIENT, (self.argument(), self.argument()))
        if name == "binom":
            return Expr(Head.FUNCTION, (self.argument(), self.argument()), name)
        if name == "sqrt":
            degree = number(2)
            if self.at("["):
                self.position += 1
                degree = self.sum()
                self.expect("]")
            return Expr(Head.POWER, (self.argument(), Expr(Head.QUOTIENT, (number(1), degree))))
        base: tuple[Expr, ...] = ()
        if name == "log" and self.accept("_"):
            base = (self.argument(),)
        power = self.exponent() if self.accept("^") else None
        if power is not None and power.head is Head.NUMBER and power.value < 0:
            raise Unreadable("a negative power of a function's name")
        args = self.function_arguments()
        found = Expr(Head.FUNCTION, (*args, *base), name)
        return found if power is None else Expr(Head.POWER, (found, power))

    def function_arguments(self) -> tuple[Expr, ...]:
        if self.accept("("):
            items = self.items()
            self.expect(")")
            if not items:
                raise Unreadable("a function of nothing")
            return tuple(items)
        found = self.power()
        while self.begins_factor() and not self.at("(", *FUNCTIONS):
            found = self.juxtaposed(found)
        if self.at("/"):
            raise Unreadable("a function's argument with a slash: what is divided is not clear")
        return (found,)


def _times(left: Expr, right: Expr) -> Expr:
    """A product without products at its left: a long row of factors is no deep tree."""
    return Expr(Head.PRODUCT, (*left.args, right) if left.head is Head.PRODUCT else (left, right))


def _number(text: str) -> Expr:
    if (found := _REPEATING.fullmatch(text)) is not None:
        whole, fixed, repeated = found.groups()
        nines = 10 ** len(fixed) * (10 ** len(repeated) - 1)
        value = Fraction(int(whole + fixed + repeated or "0") - int(whole + fixed or "0"), nines)
        return number(value)
    mantissa, _, power = text.replace(",", "").lower().partition("e")
    if abs(int(power or 0)) > MAX_POWER_OF_TEN:
        raise Unreadable("a power of ten that is too large")
    return number(Fraction(mantissa) * Fraction(10) ** int(power) if power else Fraction(mantissa))


def _is_plain_fraction(found: Expr) -> bool:
    return found.head is Head.QUOTIENT and all(
        arg.head is Head.NUMBER and arg.value.denominator == 1 for arg in found.args
    )
