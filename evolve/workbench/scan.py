"""OmegaPRM's binary search against plain Monte-Carlo: the same solutions, the same N, who asks for how much?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from evolve.statistics import wilson
from tasks.readers.labelled import LabelledSolution

Key = tuple[str, tuple[str, ...]]


def scan_figures(
    scanned: Iterable[LabelledSolution],
    searched: Iterable[LabelledSolution],
    truth: Iterable[LabelledSolution],
    continuations: int,
) -> dict[str, Any]:
    """Continuations asked for, their ratios, and how often the first errors agree, with Wilson intervals.

    ``scanned``: hard Monte-Carlo labels of every step by ``continuations`` (N) each; ``searched``: binary search's;
    ``truth``: an oracle's. Plain Monte-Carlo is charged in three ways: for all solutions (``asked``); for the wrong
    ones alone, as if it too took right solutions to be right in every step (``asked_wrong``); and as if it went through
    them from the front and stopped at the first bad prefix (``asked_in_order``). Prefixes that solutions share are
    asked for once, everywhere. Only solutions in all three count. ValueError if there is none.
    """
    by_scan, by_search, by_truth = (_by_key(each) for each in (scanned, searched, truth))
    keys = [key for key in by_scan if key in by_search and key in by_truth]
    if not keys:
        raise ValueError("no solution has all three labels")
    wrong = [key for key in keys if by_scan[key].meta["reward"] < 1]
    asked = sum(by_scan[key].meta["cost"].get("continuations", 0) for key in by_scan)
    searches = sum(by_search[key].meta["cost"].get("continuations", 0) for key in by_search)
    firsts = {key: by_scan[key].first_error for key in wrong}
    asked_wrong = continuations * len(_prefixes(wrong, [len(steps) - 1 for _, steps in wrong]))
    until = [len(key[1]) - 1 if firsts[key] < 0 else min(firsts[key] + 1, len(key[1]) - 1) for key in wrong]
    in_order = continuations * len(_prefixes(wrong, until))
    same = [by_search[key].first_error == firsts[key] for key in wrong]
    right_scan = [by_truth[key].first_error == firsts[key] for key in wrong]
    right_search = [by_truth[key].first_error == by_search[key].first_error for key in wrong]
    return {
        "solutions": len(keys),
        "wrong": len(wrong),
        "continuations": continuations,
        "asked": asked,
        "asked_wrong": asked_wrong,
        "asked_in_order": in_order,
        "asked_by_search": searches,
        "ratio": _ratio(asked, searches),
        "ratio_wrong": _ratio(asked_wrong, searches),
        "ratio_in_order": _ratio(in_order, searches),
        "agree": _share(same),
        "scan_is_true": _share(right_scan),
        "search_is_true": _share(right_search),
    }


def _by_key(solutions: Iterable[LabelledSolution]) -> dict[Key, LabelledSolution]:
    return {(one.prompt, one.steps): one for one in solutions}


def _prefixes(keys: Sequence[Key], until: Sequence[int]) -> set[Key]:
    """The different prefixes of 1 to ``until`` steps."""
    return {
        (prompt, steps[:end]) for (prompt, steps), most in zip(keys, until, strict=True) for end in range(1, most + 1)
    }


def _ratio(scan: int, search: int) -> float | None:
    return round(scan / search, 4) if search else None


def _share(hits: Sequence[bool]) -> dict[str, Any]:
    if not hits:
        return {"value": None, "interval": None, "of": 0}
    return {"value": round(sum(hits) / len(hits), 6), "interval": wilson(sum(hits), len(hits)), "of": len(hits)}
