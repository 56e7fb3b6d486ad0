"""What the bench says, in sentences, whichever way it came out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evolve.report_text import between, percent, points
from evolve.workbench.summary import SEARCH

_WORTH = {"f1": "first-error F1", "rank": "rank correlation with the values", "search": "accuracy in search"}
_OF = {
    "f1": "first-error F1",
    "auc": "first-error AUC",
    "rank": "rank correlation with values",
    "best_of_n": "best of N",
}


def sentences(summary: Mapping[str, Any]) -> list[str]:
    """The first says what was judged; then the best models, search, whether better is better, and binary search."""
    held_out, models = summary["held_out"], [row for row in summary["rows"] if row["loss"] is not None]
    done = [row for row in models if "refused" not in row]
    said = [
        f"{len({row['labels'] for row in done})} kinds of labels and {len({row['loss'] for row in done})} losses: "
        f"{len(done)} process models ({summary['asked']['seeds']} of each), trained on solutions of round "
        f"{summary['round']} of {summary['run']} and judged on {held_out['solutions']:,} solutions of "
        f"{held_out['problems']:,} problems of the {summary['split']} split."
    ]
    said += [_best(name, summary["best"][name], len(done)) for name in _WORTH if name in summary["best"]]
    said += _search(summary, done)
    said += [_better(one) for one in summary["correlations"] if one["figure"] in _OF and one["value"] is not None]
    if scan := summary["scan"]:
        said.append(_scan(scan))
    said += [f"{row['labels']} with {row['loss']} cannot be: {row['refused']}" for row in models if "refused" in row]
    return said


def _best(name: str, best: Mapping[str, Any], models: int) -> str:
    interval = best["interval"]
    if name == SEARCH:
        found = f"{percent(best['value'])} ({between(interval)})"
    else:
        found = f"{best['value']:.3f}" + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")
    return (
        f"Best {_WORTH[name]}: {found}, by {best['loss']} on {best['labels']}. It is the best of {models}, and the "
        "interval does not know that."
    )


def _search(summary: Mapping[str, Any], done: list[Any]) -> list[str]:
    lines, oracle = summary["search"]["lines"], summary["search"]["oracle"]
    gains = [row["figures"]["gain"] for row in done if row["figures"].get("gain", {}).get("interval")]
    if not gains or lines["majority"] is None:
        return []
    better = sum(gain["interval"][0] > 0 for gain in gains)
    worse = sum(gain["interval"][1] < 0 for gain in gains)
    said = [
        f"At {summary['search']['tokens']:,.0f} generated tokens a problem majority vote solves "
        f"{percent(lines['majority']['accuracy'])}; of {len(gains)} searches by a process model {better} are above it, "
        f"{worse} below, and {len(gains) - better - worse} not told apart (each interval for itself)."
    ]
    if oracle is not None:
        gain = ""
        if "difference" in oracle:
            gain = f", {points(oracle['difference'], oracle['difference_interval'])} over majority vote"
        said.append(f"The same search by the oracle, the ceiling, solves {percent(oracle['accuracy'])}{gain}.")
    return said


def _better(one: Mapping[str, Any]) -> str:
    interval = one["interval"]
    ends = "" if interval is None else f" ({interval[0]:.2f} to {interval[1]:.2f})"
    known = interval is not None and (interval[0] > 0 or interval[1] < 0)
    verdict = "goes with" if known and one["value"] > 0 else "goes against" if known else "is not shown to go with"
    return (
        f"Over {one['of']} process models a better {_OF[one['figure']]} {verdict} more solved in search: rank "
        f"correlation {one['value']:.2f}{ends}."
    )


def _scan(scan: Mapping[str, Any]) -> str:
    agree = scan["agree"]
    if not scan["asked_by_search"] or agree["value"] is None:
        return "Binary search had nothing to ask for."
    return (
        f"Binary search asked for {scan['asked_by_search']:,} continuations where plain Monte-Carlo asked for "
        f"{scan['asked']:,}: {scan['ratio']:.2f} times fewer ({scan['ratio_wrong']:.2f} on wrong solutions alone, "
        f"{scan['ratio_in_order']:.2f} if it stopped at the first error). It names the same first error in "
        f"{percent(agree['value'])} ({between(agree['interval'])}) of {agree['of']:,} wrong solutions; the true one is "
        f"named by it in {percent(scan['search_is_true']['value'])}, by plain Monte-Carlo in "
        f"{percent(scan['scan_is_true']['value'])}."
    )
