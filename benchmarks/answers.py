r"""What judging answers costs, and how often it is wrong, beside plain math-verify (extra ``math``).

``python -m benchmarks.answers`` (two minutes). Verdicts are counted per second of one process, caches emptied before
each repeat. *Typed*: the pairs of tests/data/hard_answers.txt that are not LaTeX. *Formulas*: those in LaTeX, on which
both arms, in turns, must give the same verdicts: the pairs that either arm gets wrong or needs more than exact
arithmetic for are left out. *Errors*: on the whole suite, whose expected outcomes were written down by hand; plain
math-verify gets the reference between dollar signs and the answer in a ``\boxed{}``, with its defaults.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.report import Row, measured, write_report
from tasks.answers import AnswerType, judge, latex, number, typed, worker
from tasks.problem import Outcome
from tests.tasks.answers.pathological import ANSWERS

REPEATS = 7
ROUNDS = 10
SUITE = Path(__file__).parents[1] / "tests" / "data" / "hard_answers.txt"
OUTCOMES = {"c": Outcome.CORRECT, "w": Outcome.WRONG, "u": Outcome.UNVERIFIABLE}

math_verify = import_module("math_verify")
Pair = tuple[AnswerType, str, str, Outcome]
Arm = Callable[[Pair], bool]


def suite() -> list[Pair]:
    """Kind, reference, answer, expected outcome."""
    pairs: list[Pair] = []
    for line in SUITE.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            kind, _, rest = line.partition(" | ")
            rest, _, expected = rest.rpartition(" | ")
            reference, _, answer = rest.partition(" | ")
            pairs.append((AnswerType(kind), reference, answer, OUTCOMES[expected]))
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


def per_second(arm: Arm, pairs: Sequence[Pair], rounds: int = 1) -> tuple[float, list[bool]]:
    """Verdicts per second of this process, and the verdicts."""
    verdicts: list[bool] = []
    seconds = 0.0
    for _ in range(rounds):
        clear_caches()
        started = process_time()
        verdicts = [arm(pair) for pair in pairs]
        seconds += process_time() - started
    return rounds * len(pairs) / seconds, verdicts


def error_rows(pairs: Sequence[Pair]) -> list[Row]:
    """False accepts and false rejects of both arms on the suite, and on its LaTeX alone: that needs no kind told."""
    rows = []
    for name, arm, budget in (("here", ours, 0.0), ("plain math-verify", plain, None)):
        verdicts = [(arm(pair), pair[3] is Outcome.CORRECT, pair[0]) for pair in pairs]
        for chosen, kinds in (("pairs", set(AnswerType)), ("pairs in LaTeX", {AnswerType.LATEX})):
            found = [(got, right) for got, right, kind in verdicts if kind in kinds]
            accepts = sum(got and not right for got, right in found)
            rejects = sum(right and not got for got, right in found)
            for what, count in (("false accepts", accepts), ("false rejects", rejects)):
                rows.append(measured(f"{what}, {name}, of {len(found)} {chosen}", [count], at_most=budget))
    return rows


def is_exact(pair: Pair) -> bool:
    """Whether a LaTeX pair is decided rightly by both arms, here without the worker."""
    asked: list[str] = []
    original = worker.compare

    def watched(gold: str, answer: str, seconds: float = worker.DEADLINE) -> worker.Comparison:
        asked.append(gold)
        return original(gold, answer, seconds)

    worker.compare = watched
    try:
        is_right = pair[3] is Outcome.CORRECT
        return ours(pair) is is_right and not asked and plain(pair) is is_right
    finally:
        worker.compare = original


def speed_rows(pairs: Sequence[Pair]) -> list[Row]:
    """Verdicts per second, and the two arms in turns."""
    numbers = [pair for pair in pairs if pair[0] in typed.NUMBER_READERS]
    others = [pair for pair in pairs if pair[0] is not AnswerType.LATEX]
    formulas = [pair for pair in pairs if pair[0] is AnswerType.LATEX and is_exact(pair)]
    ratios, rates = [], []
    for _ in range(REPEATS):
        rate, verdicts = per_second(ours, formulas, ROUNDS)
        slow_rate, slow_verdicts = per_second(plain, formulas)
        if verdicts != slow_verdicts:
            raise SystemExit("the two arms disagree: the comparison is void")
        rates.append(rate)
        ratios.append(rate / slow_rate)
    return [
        measured("verdicts/s, numbers", [per_second(ours, numbers, ROUNDS)[0] for _ in range(REPEATS)], at_least=3000),
        measured("verdicts/s, typed", [per_second(ours, others, ROUNDS)[0] for _ in range(REPEATS)], at_least=3000),
        measured(f"verdicts/s, {len(formulas)} formulas", rates),
        measured("formulas, here / plain math-verify", ratios, at_least=10),
    ]


def hostile_rows() -> list[Row]:
    """The slowest of the pathological answers, and what is judged rightly afterwards."""
    started = perf_counter()
    worker.start()
    start = perf_counter() - started
    seconds = []
    for answer in ANSWERS:
        started = perf_counter()
        judge(answer, "5", AnswerType.LATEX)
        seconds.append(perf_counter() - started)
    right = sum(
        judge(rf"\sqrt{{{n + 2}}} \sqrt{{{n + 2}}}", str(n + 2 + k), AnswerType.LATEX).outcome is expected
        for n in range(500)
        for k, expected in ((0, Outcome.CORRECT), (1, Outcome.WRONG))
    )
    return [
        measured("s to start the worker", [start]),
        measured(f"s for the slowest of {len(ANSWERS)} pathological answers", [max(seconds)], at_most=1.0),
        measured("right verdicts on the next 1,000 answers", [right], at_least=1000),
    ]


def main() -> None:
    """Measure, write, print."""
    logging.disable(logging.ERROR)
    sys.setrecursionlimit(5000)  # for plain math-verify, which parses by deep recursion
    pairs = suite()
    write_report("answers", [*hostile_rows(), *error_rows(pairs), *speed_rows(pairs)])


if __name__ == "__main__":
    main()
