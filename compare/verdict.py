"""A comparison in sentences, whichever way it came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compare.explain import explanation
from compare.summary import COLD_START, Supervision, finished
from evolve.report_text import percent

LEVEL = 0.05
ENOUGH_SEEDS = 5
_PROCESS = (Supervision.PROCESS, Supervision.BOTH)


def findings(results: dict[str, Any]) -> list[str]:
    """The verdict first, then what it rests on and what speaks against it."""
    said = [
        verdict(results),
        _setting(results),
        *_pool(results),
        *_gains(results),
        *_against(results),
        *_ceiling(results),
        *(f"{name} {row['note']}." for name, row in results["arms"].items() if "note" in row and finished(row)),
        *_alarms(results),
        *_failures(results),
        *_doubts(results),
    ]
    return [sentence for sentence in said if sentence]


def verdict(results: dict[str, Any]) -> str:
    """Does process supervision pay here? One sentence; "no difference shown" when that is so."""
    reference = results["references"][0]
    rows = [row for row in results["contrasts"] if row["b"] == reference and _is_process(results, row["a"])]
    if not rows:
        missing = results["arms"].get(reference, {}).get("mean") is None
        why = f"{reference} is not among the finished arms" if missing else f"no process arm stands beside {reference}"
        return f"No verdict: {why}."
    better = [row for row in rows if shown(row) and row["difference"] > 0]
    worse = [row for row in rows if shown(row) and row["difference"] < 0]
    if not better and not worse:
        return f"No difference shown between process supervision and {reference} at this budget: {_listed(rows)}."
    same = [row["a"] for row in rows if not shown(row)]
    rest = f"; no difference shown: {', '.join(same)}" if same else ""
    rest += f" (p corrected for {_tests(results, reference)} comparisons)"
    if better and worse:
        told = f"better: {_listed(better)}; worse: {_listed(worse)}"
        return f"It depends on the form of process supervision. Against {reference}, {told}{rest}."
    if worse:
        return f"Process supervision does not pay here. Worse than {reference}: {_listed(worse)}{rest}."
    pays = "Process supervision pays here" + (" in some forms" if same else "")
    return f"{pays}. Better than {reference}: {_listed(better)}{rest}."


def shown(row: dict[str, Any]) -> bool:
    """Is a difference shown, after correction for being one of several?"""
    return bool(row["p_holm"] < LEVEL)


def points(row: dict[str, Any]) -> str:
    """A difference with its interval, in percentage points."""
    low, high = row["interval"]
    return f"{100 * row['difference']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def amount(value: float) -> str:
    """A count that may be astronomic."""
    return f"{value:,.0f}" if value < 1e7 else f"{value:.3g}".replace("e+", "e")


def _is_process(results: dict[str, Any], name: str) -> bool:
    return results["arms"][name]["supervision"] in _PROCESS


def _listed(rows: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{row['a']} by {points(row)} points" for row in rows)


def _tests(results: dict[str, Any], reference: str) -> int:
    """How many contrasts shared a correction; ceilings stand apart."""
    rows = [row for row in results["contrasts"] if row["b"] == reference]
    return sum(results["arms"][row["a"]]["supervision"] != Supervision.ORACLE for row in rows)


def _setting(results: dict[str, Any]) -> str:
    done = [row for row in results["arms"].values() if row["mean"] is not None]
    starts = [row["start"] for row in done]
    counts = {len(finished(row)) for row in done}
    if not done:
        return ""
    seeds = f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(*counts)
    budget = results["budget"]
    return (
        f"{len(done)} arms went on from the same cold starts ({percent(sum(starts) / len(starts))} right), {seeds} "
        f"seeds each, up to {amount(budget['amount'])} {_unit(budget['unit'])} per arm and seed; judged greedily on "
        f"{results['problems']:,} problems of the {results['split'].replace('_', '-')} split."
    )


def _pool(results: dict[str, Any]) -> list[str]:
    if results.get("pool") is None:
        return []
    share = percent(results["pool"])
    return [
        f"Arms that learn from solutions all had the same ones, sampled once by each cold start for {share} of "
        "the budget: only supervision varies, and no policy sees the mistakes that it makes later."
    ]


def _unit(unit: str) -> str:
    return "FLOPs" if unit == "flops" else unit


def _gains(results: dict[str, Any]) -> list[str]:
    """Every arm that learns ought to beat its own cold start; of one that does not, what may have held it back."""
    rows = [row for row in results["contrasts"] if row["b"] == COLD_START]
    gained = [row for row in rows if shown(row) and row["difference"] > 0]
    said = []
    if gained:
        told = ", ".join(f"{row['a']} ({100 * row['difference']:+.1f} points)" for row in gained)
        said.append(f"Above their own cold start: {told}.")
    for row in rows:
        if row not in gained:
            what = "falls below its cold start" if shown(row) else "shows no gain over its cold start"
            said.append(f"{row['a']} {what}: {points(row)} points. {explanation(results['arms'][row['a']], row)}")
    return said


def _against(results: dict[str, Any]) -> list[str]:
    """The other references: is it learning from search, or mere training?"""
    said = []
    for reference in results["references"][1:]:
        rows = [row for row in results["contrasts"] if row["b"] == reference]
        better = [row["a"] for row in rows if shown(row) and row["difference"] > 0]
        worse = [row["a"] for row in rows if shown(row) and row["difference"] < 0]
        same = [row["a"] for row in rows if not shown(row)]
        parts = [("better", better), ("worse", worse), ("no difference shown", same)]
        if rows:
            told = "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)
            said.append(f"Against {reference} ({percent(results['arms'][reference]['mean'])}): {told}.")
    return said


def _ceiling(results: dict[str, Any]) -> list[str]:
    return [
        f"{name} is given the true labels of the steps, which no method has: {percent(row['mean'])} is a ceiling for "
        "this loss and budget, not a result."
        for name, row in results["arms"].items()
        if row["supervision"] == Supervision.ORACLE and row["mean"] is not None
    ]


def _alarms(results: dict[str, Any]) -> list[str]:
    if results["alarm"] is None:
        return []
    watched = results["alarm"]["watched"]
    sounded = []
    for name, row in results["arms"].items():
        alarms = [each["hacking"]["alarm"] for each in finished(row)]
        noticed = sorted(alarm["sounded"] for alarm in alarms if alarm is not None)
        if noticed:
            where = f"noticed at update {noticed[0]}" + (f" to {noticed[-1]}" if len(noticed) > 1 else "")
            sounded.append(f"{name} in {len(noticed)} of {len(alarms)} seeds ({where})")
    if not sounded:
        return [f"Reward hacking: no alarm in {watched} runs with a learned reward."]
    return [f"Reward hacking: the learned reward parts from the truth in {'; '.join(sounded)}."]


def _failures(results: dict[str, Any]) -> list[str]:
    said = []
    for name, row in results["arms"].items():
        reasons: dict[str, list[str]] = {}
        for seed, each in row["seeds"].items():
            if "failed" in each:
                reasons.setdefault(each["failed"], []).append(seed)
        for reason, seeds in reasons.items():
            said.append(f"FAILED: {name}, seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)}: {reason}")
    return said


def _doubts(results: dict[str, Any]) -> list[str]:
    fewest = min((len(finished(row)) for row in results["arms"].values() if finished(row)), default=ENOUGH_SEEDS)
    if fewest >= ENOUGH_SEEDS:
        return []
    few = "One seed says nothing about other seeds" if fewest == 1 else f"{fewest} seeds are few"
    return [f"{few}: the intervals are wide or silent about it; publish no fewer than {ENOUGH_SEEDS}."]
