"""A judged PRM in files and on the terminal: ``eval.json``, ``eval.md``, ``eval.html`` and its plots as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from evolve.judging_pages import Shown, TableText, ends_text, for_console, number_text, write_pages
from evolve.plots import Axis, Plot
from viewer.text import visible

_METHODS = {
    "oracle": ("oracle (a right one among N)", "oracle", "#6b7280", "5 4"),
    "best": ("best of N by the PRM", "best of N", "#c2410c", ""),
    "weighted": ("weighted vote", "weighted vote", "#8b5cf6", "9 3"),
    "vote": ("majority vote", "majority", "#2f6fde", "2 2"),
}
_HOW = {
    "steps": (
        "Intervals are 95 %, over problems drawn anew (accuracies: Wilson; F1: solutions of each kind drawn anew). A "
        "predicted first error is the first step scored below the threshold; F1 is the harmonic mean of the accuracies "
        "on erroneous and on correct solutions. A probability is (1 + score) / 2."
    ),
    "choice": (
        "Mean over all choices of N (votes: over the draws), ± the deviation over draws of N; intervals are 95 % over "
        "problems drawn anew. The oracle needs the answer: it is a ceiling."
    ),
}


def write_report(found: dict[str, Any], folder: Path) -> None:
    """Write all files; a plot only where there is something to draw."""
    write_pages(
        folder, "eval", "PRM evaluation", found, Shown(sentences(found), tables(found), _plots(found), _how(found))
    )


def console_tables(found: dict[str, Any]) -> list[Table]:
    """The tables for a terminal."""
    return for_console(tables(found))


def tables(found: dict[str, Any]) -> list[TableText]:
    """What the report shows, as text: title, head, rows."""
    made: list[TableText] = []
    if "figures" in found:
        rows = [
            [row["name"], number_text(row["value"]), ends_text(row["interval"]), f"{row['of']:,} {row['what']}"]
            for row in found["figures"]
        ]
        made.append(("Figures", ["figure", "value", "95 % interval", "of"], rows))
    if "choice" in found:
        made.append(_choice_table(found))
    if "care" in found:
        made.append(_depth_table(found["care"]))
    return made


def sentences(found: dict[str, Any]) -> list[str]:
    """What a reader is told besides the tables."""
    said = [f"{name} {visible(str(found[key]))}" for name, key in (("PRM:", "prm"), ("data:", "data")) if found[key]]
    if care := found.get("care"):
        said.append(
            f"{care['solutions']:,} solutions of {care['problems']:,} problems, {care['with_error']:,} with an error; "
            f"{care['labelled']:,} of {care['steps']:,} steps labelled: {care['right']:,} right, {care['wrong']:,} "
            f"wrong, {care['neutral']:,} neither"
        )
    if found.get("left_out"):
        said.append(f"{found['left_out']:,} solutions are left out, for the labels do not know them")
    if cost := found.get("cost"):
        said.append(f"the labels cost: {', '.join(f'{name} {count:,}' for name, count in cost.items())}")
    if judging := found.get("judging"):
        steps, answers, tokens = (judging.get(name, 0) for name in ("steps", "verifications", "generated"))
        sampled = f", {tokens:,} tokens ({tokens / steps:.1f} a step)" if tokens else ""
        said.append(f"written before judging: {answers:,} verifications for {steps:,} different steps{sampled}")
    if threshold := found.get("threshold"):
        said.append(f"threshold {threshold['value']:.4g}, chosen on: {visible(threshold['source'])}")
    return [*said, *found.get("remarks", [])]


def _choice_table(found: dict[str, Any]) -> TableText:
    by_place = {(row["method"], row["n"]): row for row in found["choice"]}
    rows = [
        [f"{n:,}", *(_cell_of(by_place[method, n]) for method in _METHODS)] for n in sorted({n for _, n in by_place})
    ]
    title = f"% solved of {found['problems']:,} problems, choosing among N solutions"
    return title, ["N", *(short for _, short, _, _ in _METHODS.values())], rows


def _cell_of(row: dict[str, Any]) -> str:
    interval = "" if row["interval"] is None else f" ({ends_text(row['interval'], 100)})"
    return _spread(row) + interval


def _depth_table(care: dict[str, Any]) -> TableText:
    head = ["depth", "steps", "labelled", "right", "wrong", "first errors", "mean label"]
    names = ("depth", "steps", "labelled", "right", "wrong", "first_errors")
    rows = [[*(f"{row[name]:,}" for name in names), number_text(row["mean"])] for row in care["depths"]]
    return "Labels by depth", head, rows


def _how(found: dict[str, Any]) -> str:
    return " ".join(text for name, text in _HOW.items() if ("figures" if name == "steps" else name) in found)


def _plots(found: dict[str, Any]) -> dict[str, Plot]:
    made = {}
    if found.get("reliability"):
        made["reliability"] = _reliability(found["reliability"])
    if "choice" in found:
        made["best_of_n"] = _best_of_n(found["choice"])
    return made


def _reliability(found: dict[str, Any]) -> Plot:
    tenths = [(tick / 10, f"{tick / 10:g}") for tick in range(0, 11, 2)]
    x, y = Axis(0, 1, tenths, "predicted probability that a step is right"), Axis(0, 1, tenths)
    plot = Plot("observed share of right steps against predicted probability", x, y, height=360)
    most = max(each["steps"] for each in found["bins"])
    for each in found["bins"]:
        title = f"{each['steps']:,} steps: predicted {each['predicted']:.3f}, observed {each['observed']:.3f}"
        plot.bar(
            (each["low"], 0), (each["high"], each["observed"]), "#2f6fde", title, 0.15 + 0.6 * each["steps"] / most
        )
        plot.dot((each["predicted"], each["observed"]), "#c2410c", title)
    plot.line([(0, 0), (1, 1)], "#6b7280", width=1.5, dash="5 4")
    plot.name(f"ECE {found['ece']:.3f}", "#c2410c")
    plot.name("darker: more steps", "#2f6fde")
    return plot


def _best_of_n(rows: Sequence[dict[str, Any]]) -> Plot:
    sizes = sorted({row["n"] for row in rows})
    ends = [value for row in rows for value in (row["mean"] - row["sd"], row["mean"] + row["sd"])]
    low, high = max(0, int(10 * min(ends))), min(10, int(10 * max(ends)) + 1)
    x = Axis(0, max(1, len(sizes) - 1), [(place, str(n)) for place, n in enumerate(sizes)], "N solutions")
    y = Axis(low / 10, high / 10, [(tick / 10, f"{10 * tick} %") for tick in range(low, high + 1)])
    plot = Plot("share of problems solved against the number of solutions", x, y, height=360, right=210)
    for method, (label, _, colour, dash) in _METHODS.items():
        own = sorted((row for row in rows if row["method"] == method), key=lambda row: int(row["n"]))
        plot.line([(place, row["mean"]) for place, row in enumerate(own)], colour, dash=dash)
        for place, row in enumerate(own):
            plot.whisker(place, (row["mean"] - row["sd"], row["mean"] + row["sd"]), colour)
            plot.dot((place, row["mean"]), colour, f"{label}, N = {row['n']}: {_spread(row)} %")
        plot.name(label, colour, own[-1]["mean"], len(own) - 1, dash)
    return plot


def _spread(row: dict[str, Any]) -> str:
    return f"{100 * row['mean']:.1f} ±{100 * row['sd']:.1f}"
