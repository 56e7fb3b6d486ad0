"""A comparison in sentences, whichever way it came out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from compare.claims import (
    ABOVE,
    BELOW,
    BETTER,
    ENOUGH_SEEDS,
    SAME,
    WORSE,
    Row,
    hinted,
    listed,
    names,
    points,
    seeds_of,
    shown,
    sorted_out,
)
from compare.explain import explanation
from compare.summary import COLD_START, Supervision, finished
from evolve.report_text import percent

_PROCESS = (Supervision.PROCESS, Supervision.BOTH)


def findings(results: dict[str, Any]) -> list[str]:
    """The verdict first, then what it rests on and what speaks against it."""
    said = [
        verdict(results),
        *_peerless(results),
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
    """Does process supervision pay here? Each arm against its peer; "no difference shown" when that is so."""
    families = _families(results)
    rows = [row for family in families.values() for row in family]
    if not rows:
        reference = results["references"][0]
        missing = results["arms"].get(reference, {}).get("mean") is None
        why = f"{reference} is not among the finished arms" if missing else f"no process arm stands beside {reference}"
        return f"No verdict: {why}."
    told = [
        f"{_kind(results, family)} against {reference}{_tests(results, reference)}: {_clauses(family)}."
        for reference, family in families.items()
    ]
    return " ".join([_headline(rows), *told])


def _headline(rows: Sequence[Row]) -> str:
    found = sorted_out(rows)
    if not {BETTER, WORSE, SAME} & set(found):
        ways = {ABOVE: "to process supervision", BELOW: "to outcomes alone"}
        way = "both ways" if len(found) == 2 else ways[next(iter(found))]
        return f"With {seeds_of(rows)} nothing is claimed; the means point {way}."
    if {BETTER, WORSE} <= set(found):
        return "It depends on the form of process supervision."
    if WORSE in found:
        return "Process supervision does not pay here."
    if BETTER in found:
        return "Process supervision pays here" + (" in some forms." if len(found) > 1 else ".")
    return "No difference shown between process supervision and outcomes alone at this budget."


def _clauses(family: Sequence[Row]) -> str:
    """What is to be said of a family of contrasts: of those beside a difference that is shown, only the names."""
    found = sorted_out(family)
    brief = (SAME,) if {BETTER, WORSE} & set(found) else ()
    return "; ".join(f"{what}: {names(rows) if what in brief else listed(rows)}" for what, rows in found.items())


def _families(results: dict[str, Any]) -> dict[str, list[Row]]:
    """The contrasts that the verdict rests on: each process arm's against its peer, by peer."""
    arms = results["arms"]
    found: dict[str, list[Row]] = {}
    for row in results["contrasts"]:
        if arms[row["a"]]["supervision"] in _PROCESS and row["b"] == arms[row["a"]]["peer"]:
            found.setdefault(row["b"], []).append(row)
    return found


def amount(value: float) -> str:
    """A count that may be astronomic."""
    return f"{value:,.0f}" if value < 1e7 else f"{value:.3g}".replace("e+", "e")


def _kind(results: dict[str, Any], family: Sequence[Row]) -> str:
    kinds = {results["arms"][row["a"]]["offline"] for row in family}
    return "Arms" if len(kinds) > 1 else "Arms that learn from a fixed set" if kinds == {True} else "On-policy arms"


def _peerless(results: dict[str, Any]) -> list[str]:
    """Arms on a fixed set that found no peer of their kind."""
    arms = results["arms"]
    rows = [row for family in _families(results).values() for row in family]
    alone = [row for row in rows if arms[row["a"]]["offline"] and not arms[row["b"]]["offline"]]
    if not alone:
        return []
    return [
        f"{names(alone)}: learned from a fixed set, and no reference that learned outcomes from one (rft) has "
        f"finished; {alone[0]['b']} differs from that in more than supervision."
    ]


def _tests(results: dict[str, Any], reference: str) -> str:
    """How many contrasts shared a correction; ceilings stand apart."""
    rows = [row for row in results["contrasts"] if row["b"] == reference]
    count = sum(results["arms"][row["a"]]["supervision"] != Supervision.ORACLE for row in rows)
    return f" (p corrected for {count} comparisons)" if count > 1 else ""


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
    hoped = [row for row in rows if hinted(row) and row["difference"] > 0]
    said = []
    for what, some in (
        ("Above their own cold start", gained),
        ("Above their own cold start, with too few seeds for a claim", hoped),
    ):
        if some:
            told = ", ".join(f"{row['a']} ({100 * row['difference']:+.1f} points)" for row in some)
            said.append(f"{what}: {told}.")
    for row in rows:
        if row not in gained and row not in hoped:
            what = "shows no gain over its cold start"
            if shown(row) or hinted(row):
                what = "falls below its cold start" + " (too few seeds for a claim)" * hinted(row)
            said.append(f"{row['a']} {what}: {points(row)} points. {explanation(results['arms'][row['a']], row)}")
    return said


def _against(results: dict[str, Any]) -> list[str]:
    """The other references: is it learning from search, or mere training?"""
    said = []
    for reference in results["references"][1:]:
        found = sorted_out([row for row in results["contrasts"] if row["b"] == reference])
        if found:
            told = "; ".join(f"{what}: {names(rows)}" for what, rows in found.items())
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
