"""Whether two parsed answers are equal: yes, no, or not decided. Structure first, then formulas by the exact tier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

from tasks.answers.approximate import refuted
from tasks.answers.canonical import key_of
from tasks.answers.exact import equal, expand
from tasks.answers.expression import Expr, Head
from tasks.answers.forms import bare, members, normal, plain_words
from tasks.answers.intervals import differ, is_interval, merged
from tasks.answers.polynomial import TooLarge, Undefined, Work
from tasks.answers.quantities import in_base, is_quantity, scaled, split_units
from tasks.answers.units import may_be_missing, unit_of

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
        if left.label and left.head is right.head is Head.PRODUCT and _are_anagrams(left, right):
            self.note = "letters in another order: it is not told whether they are words or products"
            return None
        if is_quantity(left) or is_quantity(right):
            return self.quantities(left, right)
        if left.head in _STRUCTURES or right.head in _STRUCTURES:
            return self.structures(left, right)
        return self.formulas(left, right)

    def against_single(self, many: Sequence[Expr], single: Expr) -> bool | None:
        """A list, or a set, of one value is that value."""
        return self.values(many[0], single) if len(many) == 1 else False

    def structures(self, left: Expr, right: Expr) -> bool | None:
        if Head.UNION in (left.head, right.head) and is_interval(left) and is_interval(right):
            return self.unions(left, right)
        if left.head is not right.head or (left.head is not Head.RELATION and left.label != right.label):
            return False
        match left.head:
            case Head.RELATION:
                return self.relations(left, right)
            case Head.UNION:
                return self.unordered(left.args, right.args)
            case Head.RATIO:
                return self.ratios(left.args, right.args)
            case _:
                return self.ordered(left.args, right.args)

    def unions(self, left: Expr, right: Expr) -> bool | None:
        """Sets of numbers: merged where the ends are rational, else part by part; refuted by a point of one alone."""
        one, other = merged(left, self.work), merged(right, self.work)
        if one is not None and other is not None:
            return one == other
        if Head.UNION not in (left.head, right.head):
            return self.values(left, right)
        parts = [expr.args if expr.head is Head.UNION else (expr,) for expr in (left, right)]
        if self.unordered(*parts):
            return True
        self.note = "intervals with ends that are not rational"
        return False if differ(left, right) else None

    def ratios(self, left: Sequence[Expr], right: Sequence[Expr]) -> bool | None:
        """Side by side: 2:4 is 1:2 if it is a ratio, but no time is another one, so that is not decided."""
        found = self.ordered(left, right)
        if found is not False or len(left) != len(right):
            return found
        pairs = [
            (Expr(Head.PRODUCT, (left[0], other)), Expr(Head.PRODUCT, (right[0], one)))
            for one, other in zip(left[1:], right[1:], strict=True)
        ]
        if _all(self.values(a, b) for a, b in pairs) is False:
            return False
        self.note = "the same ratio, but not the same time"
        return None

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
        keys = [[key_of(value, self.work) for value in values] for values in (left, right)]
        one = [value for value, key in zip(left, keys[0], strict=True) if key not in keys[1]]
        other = [value for value, key in zip(right, keys[1], strict=True) if key not in keys[0]]
        forth = _all(_any(self.values(a, b) for b in right) for a in one)
        return forth if forth is False else _all((forth, _all(_any(self.values(a, b) for a in left) for b in other)))

    def quantities(self, left: Expr, right: Expr) -> bool | None:
        """Units must agree, after exact conversion; where one side has none, the numbers must be equal."""
        (one, unit), (other, other_unit) = split_units(left, right)
        if unit is None or other_unit is None:
            return self.without_unit(one, other, unit, other_unit)
        found, expected = unit_of(unit), unit_of(other_unit)
        if found.dimension != expected.dimension:
            return False
        return self.values(scaled(one, found.factor / expected.factor), other)

    def without_unit(self, one: Expr, other: Expr, unit: str | None, other_unit: str | None) -> bool | None:
        """Numbers of which at most one has a unit. Of ``5 million`` a bare 5 may be the number, or another one."""
        written = unit or other_unit or ""
        multiple = unit_of(written).multiple if written else Fraction(1)
        if multiple != 1:
            counted = (scaled(one, multiple), other) if unit else (one, scaled(other, multiple))
            if (found := self.values(*counted)) is not False:
                return found
        if written and not may_be_missing(written, is_of_answer=unit is None):
            self.note = f"words behind a number: {written[:40]!r}"
            value = in_base(other, written)
            is_other_number = value is not None and not self.values(one, other) and not self.values(one, value)
            return False if is_other_number else None
        found = self.values(one, other)
        if found and multiple != 1:
            self.note = f"it is not told whether {written[:40]!r} is the question's"
            return None
        return found

    def relations(self, left: Expr, right: Expr) -> bool | None:
        """Equations are equal if one is a multiple of the other; other relations side by side."""
        if left.label == right.label == "=":
            one, other = (Expr(Head.SUM, (side.args[0], scaled(side.args[1], Fraction(-1)))) for side in (left, right))
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
        if refuted(left, right, sign=-1, is_real=True):
            return False  # such as |x| and x, even if proved for positive ones
        if proved is False and is_refuted is False:
            self.note = "equal in numbers, but not proved equal"
            return None
        return proved


_STRUCTURES = frozenset((Head.GROUP, Head.MATRIX, Head.RATIO, Head.RELATION, Head.UNION))


def _are_anagrams(left: Expr, right: Expr) -> bool:
    """Products of the same letters in another order."""
    letters = [[arg.label for arg in expr.args if arg.head is Head.SYMBOL] for expr in (left, right)]
    if any(len(names) < len(expr.args) for names, expr in zip(letters, (left, right), strict=True)):
        return False
    return letters[0] != letters[1] and sorted(letters[0]) == sorted(letters[1])


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
