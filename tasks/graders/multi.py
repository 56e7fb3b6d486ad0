"""Several graders as one: a weighted mean of their rewards, or a formula over them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from tasks.graders.base import Grader, Item, Resources, failed, graded
from tasks.graders.formula import BadFormula, Formula
from tasks.graders.spec import Spec
from tasks.problem import Outcome, Verdict

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MOST_UNKNOWN = 6
_NOTE = 500


@dataclass(frozen=True, slots=True)
class Multi:
    """The graders by name, and what their rewards come to (clipped to [0, 1]).

    One ``error`` among the parts makes an error: nobody knows what it would have said. A part that is unverifiable
    makes the whole unverifiable, with reward 0, unless that passes whether such parts were worth 0 or 1 (``max(a, b)``
    with a = 1, whatever b is). Else the whole is correct from ``pass_at`` on, and wrong below.
    """

    graders: Mapping[str, Grader]
    combine: Callable[[Mapping[str, float]], float]
    pass_at: float

    def grade(self, item: Item) -> Verdict:
        found = {name: grader.grade(item) for name, grader in self.graders.items()}
        parts = dict(_parts(found))
        note = "; ".join(f"{name}: {each.note}" for name, each in found.items() if each.note)[:_NOTE]
        broken = [name for name, each in found.items() if each.outcome is Outcome.ERROR]
        if broken:
            return Verdict(Outcome.ERROR, 0.0, parts, note or f"{', '.join(broken)} failed")
        rewards = {name: each.reward for name, each in found.items()}
        unread = [name for name, each in found.items() if each.outcome is Outcome.UNVERIFIABLE]
        try:
            reward = self.combine(rewards)
            if math.isnan(reward):
                return failed("the formula comes to no number")
            verdict = graded(reward, self.pass_at, parts, note)
            if unread and not self._passes_anyhow(rewards, unread):
                return Verdict(Outcome.UNVERIFIABLE, 0.0, parts, note or f"{', '.join(unread)} could not be read")
        except ZeroDivisionError:
            return failed("the formula divides by 0")
        return verdict

    def _passes_anyhow(self, rewards: Mapping[str, float], unread: list[str]) -> bool:
        """Does the whole pass in each way in which the unread parts could have been right or wrong?"""
        cases = product((0.0, 1.0), repeat=len(unread)) if len(unread) <= _MOST_UNKNOWN else ()
        found = [self.combine({**rewards, **dict(zip(unread, worth, strict=True))}) for worth in cases]
        return bool(found) and all(graded(each, self.pass_at).outcome is Outcome.CORRECT for each in found)


def _parts(found: Mapping[str, Verdict]) -> Iterator[tuple[str, float]]:
    for name, verdict in found.items():
        yield name, verdict.reward
        yield from ((f"{name}.{inner}", reward) for inner, reward in verdict.parts.items())


def multi(spec: Spec, resources: Resources) -> Multi:
    """Options: ``graders`` (by name), ``weights`` (by name; equal ones) or ``formula``, ``pass_at``."""
    from tasks.graders.build import read_grader

    inner = spec.inner("graders")
    names = inner.names()
    if not names:
        spec.fail("graders", "a mapping with at least one grader")
    for name in names:
        if not _NAME.fullmatch(name) or name in ("and", "or", "not", "min", "max"):
            inner.fail(name, "named with letters, digits and _ (not min, max, and, or, not)")
    graders = {name: read_grader(inner.inner(name), resources) for name in names}
    pass_at = spec.number("pass_at", 1.0, 1e-6, 1.0)
    if not spec.has("formula"):
        return Multi(graders, _weighted(spec, names), pass_at)
    if spec.has("weights"):
        spec.fail("weights", "left out where there is a formula")
    try:
        return Multi(graders, Formula(spec.text("formula"), names).value, pass_at)
    except BadFormula as error:
        spec.fail("formula", str(error))


def _weighted(spec: Spec, names: list[str]) -> Callable[[Mapping[str, float]], float]:
    if not spec.has("weights"):
        weights = dict.fromkeys(names, 1.0)
    else:
        given = spec.inner("weights")
        weights = {name: given.number(name, least=0.0, most=1e6) for name in names}
        given.finish()
    total = math.fsum(weights.values())
    if total <= 0:
        spec.fail("weights", "positive for at least one grader")
    return lambda rewards: math.fsum(weights[name] * rewards[name] for name in names) / total
