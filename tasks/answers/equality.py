"""Whether two parsed answers are equal: yes, no, or not decided. Structure first, then formulas by the exact tier."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction

from tasks.answers.approximate import refuted
from tasks.answers.exact import equal, expand
from tasks.answers.expression import Expr, Head
from tasks.answers.forms import bare, members, normal, plain_words
from tasks.answers.intervals import merged
from tasks.answers.polynomial import TooLarge, Undefined, Work
from tasks.answers.units import unit_of

Prove = Callable[[Expr, Expr], bool | None]
"""Asked about two formulas that the exact tier cannot tell apart; None when it cannot either."""

MAX_MEMBERS = 64
"""Most members of a list, set or union; every one may have to be compared with every other."""


MAX_FORMULAS = 300
"""Most pairs of formulas compared for one answer."""

MAX_STEPS = 30_000
"""Most products of terms for one answer: a tenth of a second."""


class Comparison:
    """Compares answers; ``prove`` is the last resort for formulas. ``note`` tells why something was not decided."""

    def __init__(self, prove: Prove | None = None) -> None:
        self.prove = prove
        self.note = "not decided"
        self.work = Work(MAX_STEPS)
        self.formulas_left = MAX_FORMULAS

    def same(self, reference: Expr, answer: Expr) -> bool | None:
        """Whether two whole answers are equal."""
        left, right = (normal(self.collapsed(expr)) for expr in (reference, answer))
        if left.head is not Head.RELATION or right.head is not Head.RELATION:
            left, right = bare(left), bare(right)
        return self.values(left, right)

    def collapsed(self, expr: Expr) -> Expr:
        """``x = 10/4 = 2.5`` is x = 2.5, and ``1/2 = 0.5`` is 0.5, if what stands between equal signs is equal."""
        if expr.head is not Head.RELATION or set(expr.label.split()) != {"="}:
            return expr
        first, second, *rest = expr.args
        if not all(self.values(second, side) for side in rest):
            return expr
        return second if self.values(first, second) else Expr(Head.RELATION, (first, second), "=")

    def values(self, left: Expr, right: Expr) -> bool | None:
        """Two values in normal form."""
        if left == right:
            return True
        if Head.TEXT in (left.head, right.head):
            return left.head is right.head and plain_words(left.label) == plain_words(right.label)
        one, other = members(left), members(right)
        if one is not None or other is not None:
            if one is None or other is None:
                return self.against_single(one or other or (), right if one is not None else left)
            return self.unordered(one, other)
        if Head.UNIT in (left.head, right.head):
            return self.quantities(left, right)
        if left.head in _STRUCTURES or right.head in _STRUCTURES:
            return self.structures(left, right)
        return self.formulas(left, right)

    def against_single(self, many: Sequence[Expr], single: Expr) -> bool | None:
        """A list, or a set, of one value is that value."""
        return self.values(many[0], single) if len(many) == 1 else False

    def structures(self, left: Expr, right: Expr) -> bool | None:
        if Head.UNION in (left.head, right.head):
            one, other = merged(left), merged(right)
            if one is not None and other is not None:
                return one == other
        if left.head is not right.head or (left.head is not Head.RELATION and left.label != right.label):
            return False
        match left.head:
            case Head.RELATION:
                return self.relations(left, right)
            case Head.UNION:
                return self.unordered(left.args, right.args)
            case _:
                return self.ordered(left.args, right.args)

    def ordered(self, left: Sequence[Expr], right: Sequence[Expr]) -> bool | None:
        """Member by member."""
        if len(left) != len(right):
            return False
        return _all(self.values(a, b) for a, b in zip(left, right, strict=True))

    def unordered(self, left: Sequence[Expr], right: Sequence[Expr]) -> bool | None:
        """Every member of each has its equal in the other, so equal ones count once."""
        if max(len(left), len(right)) > MAX_MEMBERS:
            self.note = f"more than {MAX_MEMBERS} members"
            return None
        keys = [[_key_of(value, self.work) for value in values] for values in (left, right)]
        one = [value for value, key in zip(left, keys[0], strict=True) if key not in keys[1]]
        other = [value for value, key in zip(right, keys[1], strict=True) if key not in keys[0]]
        forth = _all(_any(self.values(a, b) for b in right) for a in one)
        return forth if forth is False else _all((forth, _all(_any(self.values(a, b) for a in left) for b in other)))

    def quantities(self, left: Expr, right: Expr) -> bool | None:
        """Units must agree, after exact conversion; where one side has none, the numbers must be equal."""
        (one, unit), (other, other_unit) = _split_unit(left), _split_unit(right)
        if unit is None:
            one, unit = _split_letter(left, other_unit)
        elif other_unit is None:
            other, other_unit = _split_letter(right, unit)
        if unit is None or other_unit is None:
            return self.values(one, other)
        (dimension, factor), (other_dimension, other_factor) = unit_of(unit), unit_of(other_unit)
        if dimension != other_dimension:
            return False
        scale = factor / other_factor
        return self.values(_scaled(one, scale), other)

    def relations(self, left: Expr, right: Expr) -> bool | None:
        """Equations are equal if one is a multiple of the other; other relations side by side."""
        if left.label == right.label == "=":
            one, other = (Expr(Head.SUM, (side.args[0], _scaled(side.args[1], Fraction(-1)))) for side in (left, right))
            return self.proportional(one, other)
        if left.label != right.label:
            return False
        return self.ordered(left.args, right.args)

    def proportional(self, left: Expr, right: Expr) -> bool | None:
        """Whether one is a constant times the other, as both sides of equations brought together may be."""
        try:
            one, other = expand(left, self.work), expand(right, self.work)
        except (TooLarge, Undefined):
            return None
        shared = next((monomial for monomial in one.top if monomial in other.top), None)
        if shared is None:
            return one.top == other.top if one.is_complete and other.is_complete else None
        scale = one.top[shared] / other.top[shared]
        if one.top == {monomial: value * scale for monomial, value in other.top.items()}:
            return True
        return False if one.is_complete and other.is_complete else None

    def formulas(self, left: Expr, right: Expr) -> bool | None:
        """The exact tier, then refutation by values, then the proof."""
        self.formulas_left -= 1
        if self.formulas_left < 0:
            self.note = f"more than {MAX_FORMULAS} formulas to compare"
            return None
        try:
            found = equal(expand(left, self.work), expand(right, self.work), self.work)
            if found is not None:
                return found
        except TooLarge:
            self.note = "too large for exact arithmetic"
        except Undefined as error:
            self.note = str(error)
            return None
        is_refuted = refuted(left, right)
        if is_refuted:
            return False
        if self.prove is None:
            return None
        proved = self.prove(left, right)
        if proved is False and is_refuted is False and not refuted(left, right, sign=-1):
            self.note = "equal in numbers, but not proved equal"
            return None
        return proved


_STRUCTURES = frozenset((Head.GROUP, Head.MATRIX, Head.RATIO, Head.RELATION, Head.UNION))


def canonical(expr: Expr) -> Hashable:
    """A key that equal answers share, nearly always, and unequal ones never; the answer itself where there is none."""
    return _key_of(bare(normal(expr)), Work())


def _key_of(expr: Expr, work: Work) -> Hashable:
    match expr.head:
        case Head.TEXT:
            return "text", plain_words(expr.label)
        case Head.LIST | Head.SET | Head.UNION:
            keys = frozenset(_key_of(arg, work) for arg in expr.args)
            return next(iter(keys)) if len(keys) == 1 else ("set" if members(expr) else expr.head, keys)
        case Head.GROUP | Head.MATRIX | Head.RATIO | Head.RELATION:
            label = "" if expr.head is Head.MATRIX else expr.label
            return expr.head, label, *(_key_of(arg, work) for arg in expr.args)
        case Head.UNIT:
            dimension, factor = unit_of(expr.label)
            return dimension, _key_of(_scaled(expr.args[0], factor), work)
    try:
        ratio = expand(expr, work)
        return ratio.key if ratio.value is None else ratio.value
    except (TooLarge, Undefined):
        return expr


def _split_unit(expr: Expr) -> tuple[Expr, str | None]:
    if expr.head is Head.UNIT:
        return expr.args[0], expr.label
    if expr.head is Head.PRODUCT and expr.args[-1].head is Head.UNIT:  # -\$5
        unit = expr.args[-1]
        return Expr(Head.PRODUCT, (*expr.args[:-1], unit.args[0])), unit.label
    return expr, None


def _split_letter(expr: Expr, unit: str | None) -> tuple[Expr, str | None]:
    """``5 m``, typed where the other side says that m is a unit and not a factor."""
    if expr.head is Head.PRODUCT and expr.args[-1].head is Head.SYMBOL and expr.args[-1].label == unit:
        return Expr(Head.PRODUCT, expr.args[:-1]), unit
    return expr, None


def _scaled(expr: Expr, factor: Fraction) -> Expr:
    return expr if factor == 1 else Expr(Head.PRODUCT, (Expr(Head.NUMBER, value=factor), expr))


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    """Three-valued: no if one is no, else not decided if one is not."""
    result: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        result = None if verdict is None else result
    return result


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    result: bool | None = False
    for verdict in verdicts:
        if verdict is True:
            return True
        result = None if verdict is None else result
    return result
