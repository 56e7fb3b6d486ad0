r"""What judging answers costs, and how often it is wrong, beside plain math-verify (extra ``math``).

``python -m benchmarks.answers`` (a minute, two on a busy machine; ``--quick`` tries the code in seconds, and its
figures mean nothing). *Errors*: on tests/data/hard_answers.txt, whose expected outcomes were written down by hand;
plain math-verify gets the reference between dollar signs and the answer in a ``\boxed{}``, with its defaults. *Ratios*:
both arms in turns, caches of ours emptied before each repeat, and the same verdicts or no result. *Numbers* are drawn,
half of them equal to their references. *Formulas*: pairs of the suite in LaTeX that exact arithmetic decides; those
that either arm gets wrong are left out. *Mix*: numbers and formulas, half and half. What needs our worker is timed
apart, by the clock: of 800 sampled answers to MATH problems none did.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from benchmarks.report import Row, measured, print_rows, write_report
from tasks.answers import AnswerType, judge, latex, number, typed, worker
from tasks.problem import Outcome
from tests.tasks.answers.pathological import ANSWERS

SUITE = Path(__file__).parents[1] / "tests" / "data" / "hard_answers.txt"
OUTCOMES = {"c": Outcome.CORRECT, "w": Outcome.WRONG, "u": Outcome.UNVERIFIABLE}

math_verify = import_module("math_verify")
Pair = tuple[AnswerType, str, str, Outcome]
Arm = Callable[[Pair], bool]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. ``every``: of the suite, each so-manieth pair; ``rounds``: of the fast arm in a repeat."""

    repeats: int = 5
    rounds: int = 10
    numbers: int = 100
    every: int = 1
    after: int = 1000


QUICK = Sizes(repeats=1, rounds=1, numbers=10, every=24, after=20)


def suite(every: int) -> list[Pair]:
    """Kind, reference, answer, expected outcome."""
    pairs: list[Pair] = []
    for line in SUITE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, _, rest = line.partition(" | ")
            rest, _, expected = rest.rpartition(" | ")
            reference, _, answer = rest.partition(" | ")
            pairs.append((AnswerType(kind), reference, answer, OUTCOMES[expected]))
    return pairs[::every]


def drawn_numbers(count: int) -> list[Pair]:
    """Ordinary numeric answers: every second one is its reference written in another way, the others are off by one."""
    rng = np.random.default_rng(0)
    pairs: list[Pair] = []
    for index in range(count):
        whole, part = int(rng.integers(1, 100_000)), int(rng.integers(1, 100))
        off, outcome = (0, Outcome.CORRECT) if index % 2 == 0 else (1, Outcome.WRONG)
        value = Fraction(whole) + Fraction(part, 100)
        reference, answer = (
            (str(whole), f"{whole + off:,}"),
            (str(-whole), f"{-whole - off}.0"),
            (f"{whole}.{part:02}", f"{whole + off}.{part:02}0"),
            (f"{value.numerator}/{value.denominator}", f"{whole + off}.{part:02}"),
            (f"{part}/7", rf"\frac{{{2 * (part + off)}}}{{14}}"),
        )[index // 2 % 5]
        pairs.append((AnswerType.NUMBER, reference, answer, outcome))
    return pairs


def ours(pair: Pair) -> bool:
    """Whether the answer is accepted here."""
    kind, reference, answer, _ = pair
    return judge(answer, reference, kind).outcome is Outcome.CORRECT


def plain(pair: Pair) -> bool:
    """Whether plain math-verify accepts it."""
    _, reference, answer, _ = pair
    return bool(math_verify.verify(math_verify.parse(f"${reference}$"), math_verify.parse(rf"\boxed{{{answer}}}")))


def clear_caches() -> None:
    """Forget what was read before."""
    typed.parse_or_none.cache_clear()
    latex.read_latex.cache_clear()
    number.read_short.cache_clear()


def per_second(arm: Arm, pairs: Sequence[Pair], rounds: int) -> tuple[float, list[bool]]:
    """Verdicts per second of processor time, and the verdicts."""
    verdicts: list[bool] = []
    seconds = 0.0
    for _ in range(rounds):
        clear_caches()
        started = process_time()
        verdicts = [arm(pair) for pair in pairs]
        seconds += process_time() - started
    return rounds * len(pairs) / seconds, verdicts


def in_turns(name: str, pairs: Sequence[Pair], sizes: Sizes, least: float) -> list[Row]:
    """Verdicts per second of both arms, and their ratio."""
    rates, slow_rates = [], []
    for _ in range(sizes.repeats):
        rate, verdicts = per_second(ours, pairs, sizes.rounds)
        slow_rate, slow_verdicts = per_second(plain, pairs, 1)
        differ = [pair for pair, one, other in zip(pairs, verdicts, slow_verdicts, strict=True) if one is not other]
        if differ:
            raise SystemExit(f"{name}: the two arms disagree on {differ}: the comparison is void")
        rates.append(rate)
        slow_rates.append(slow_rate)
    ratios = [one / other for one, other in zip(rates, slow_rates, strict=True)]
    return [
        measured(f"verdicts/s, {name}, here", rates),
        measured(f"verdicts/s, {name}, plain math-verify", slow_rates),
        measured(f"{name}, here / plain math-verify, same verdicts", ratios, at_least=least),
    ]


@dataclass(frozen=True, slots=True)
class Judged:
    """What both arms say about a pair; ``asked``: seconds of ours by the clock if it needed the worker."""

    pair: Pair
    ours: bool
    plain: bool
    asked: float | None

    @property
    def right(self) -> bool:
        """Whether the answer is to be accepted."""
        return self.pair[3] is Outcome.CORRECT


def judged(pairs: Sequence[Pair]) -> list[Judged]:
    """Each pair once by both arms: plain math-verify takes seconds for some."""
    asked = 0
    original = worker.compare

    def watched(gold: str, answer: str, seconds: float = worker.DEADLINE) -> worker.Comparison:
        nonlocal asked
        asked += 1
        return original(gold, answer, seconds)

    worker.compare = watched
    try:
        found = []
        for pair in pairs:
            before, began = asked, perf_counter()
            accepts, seconds = ours(pair), perf_counter() - began
            found.append(Judged(pair, accepts, plain(pair), seconds if asked > before else None))
        return found
    finally:
        worker.compare = original


def error_rows(suite: Sequence[Judged]) -> list[Row]:
    """False accepts and false rejects of both arms on the suite, and on its LaTeX alone: that needs no kind told."""
    rows = []
    for name, budget in (("here", 0.0), ("plain math-verify", None)):
        for chosen, kinds in (("pairs", set(AnswerType)), ("pairs in LaTeX", {AnswerType.LATEX})):
            found = [(one.ours if name == "here" else one.plain, one.right) for one in suite if one.pair[0] in kinds]
            accepts = sum(got and not right for got, right in found)
            rejects = sum(right and not got for got, right in found)
            for what, count in (("false accepts", accepts), ("false rejects", rejects)):
                rows.append(measured(f"{what}, {name}, of {len(found)} {chosen}", [count], at_most=budget))
    return rows


def speed_rows(suite: Sequence[Judged], sizes: Sizes) -> list[Row]:
    """Verdicts per second of the typed kinds, and the two arms in turns."""
    typed_pairs = [one.pair for one in suite if one.pair[0] is not AnswerType.LATEX]
    formulas = [
        one.pair
        for one in suite
        if one.pair[0] is AnswerType.LATEX and one.ours is one.plain is one.right and one.asked is None
    ]
    numbers = drawn_numbers(sizes.numbers)
    mix = [*numbers[: len(formulas)], *formulas[: len(numbers)]]
    rates = [per_second(ours, typed_pairs, sizes.rounds)[0] for _ in range(sizes.repeats)]
    asked = [one.asked for one in suite if one.asked is not None]
    return [
        measured(f"s for each of the {len(asked)} pairs that need the worker", asked),
        measured("verdicts/s, typed pairs of the suite", rates, at_least=3000),
        *in_turns(f"{len(numbers)} numbers", numbers, sizes, 100),
        *in_turns(f"{len(formulas)} formulas", formulas, sizes, 10),
        *in_turns(f"a mix of {len(mix)}", mix, sizes, 10),
    ]


def hostile_rows(sizes: Sizes) -> list[Row]:
    """The slowest of the pathological answers, and what is judged rightly afterwards."""
    started = perf_counter()
    worker.start()
    start = perf_counter() - started
    seconds = []
    hostile = ANSWERS[:: sizes.every]
    for answer in hostile:
        started = perf_counter()
        judge(answer, "5", AnswerType.LATEX)
        seconds.append(perf_counter() - started)
    right = sum(
        judge(rf"\sqrt{{{n + 2}}} \sqrt{{{n + 2}}}", str(n + 2 + k), AnswerType.LATEX).outcome is expected
        for n in range(sizes.after // 2)
        for k, expected in ((0, Outcome.CORRECT), (1, Outcome.WRONG))
    )
    return [
        measured("s to start the worker", [start]),
        measured(f"s for the slowest of {len(hostile)} pathological answers", [max(seconds)], at_most=1.0),
        measured(f"right verdicts on the next {sizes.after:,} answers", [right], at_least=sizes.after),
    ]


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser("benchmarks.answers", description="Verdicts on answers: errors and speed.")
    parser.add_argument("--quick", action="store_true", help="try the code; its figures mean nothing and are not kept")
    quick = parser.parse_args().quick
    logging.disable(logging.ERROR)
    sys.setrecursionlimit(5000)  # for plain math-verify, which parses by deep recursion
    sizes = QUICK if quick else Sizes()
    hostile = hostile_rows(sizes)
    pairs = judged(suite(sizes.every))
    rows = [*hostile, *error_rows(pairs), *speed_rows(pairs, sizes)]
    if quick:
        print_rows("answers", rows)
    else:
        write_report("answers", rows)


if __name__ == "__main__":
    main()
