"""Two adjudicators in files and on the terminal: ``adjudicate.json``, ``.md``, ``.html`` and the plots as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evolve.adjudicate_figures import SOLVED
from evolve.judging_pages import Shown, TableText, write_pages
from evolve.plots import Axis, Plot
from prm.judging.adjudicators import SIGNALS
from viewer.text import visible

_COLOURS = dict(zip(SIGNALS, ("#2f6fde", "#6b7280", "#c2410c", "#8b5cf6"), strict=True)) | {SOLVED: "#0f8a5f"}
_KINDS = {"right": ("#2f6fde", ""), "first error": ("#c2410c", ""), "only looks right": ("#8b5cf6", "5 4")}
_SHORT = ("first errors", "only look right", "references: mean", "their end", "never solved")
_HOW = (
    "An area is the chance that something sound (a right step, a problem with its own reference) has more of a signal "
    "than something unsound (a first error, a wrong step of a solution that ends right, the same problem shown another "
    "one's answer), ties half: 1/2 knows nothing, and below it the signal points the other way. The signals: the score "
    "of the model that sees the reference answer (aware), of the one that does not (blind), aware - blind, and "
    "-|aware - blind|; solved: the share of a problem's solutions that end in the reference. The favoured end is the "
    "last step of the solution that the blind one trusts most. Of the same problem with two references blind knows "
    "nothing by construction. A gain is an area less blind's on the same things. Intervals are 95 %, over problems "
    "drawn anew. A step that several solutions share counts once."
)
_LISTED = 10


def write_adjudication(found: dict[str, Any], folder: Path) -> None:
    """Write all files below ``folder``."""
    shown = Shown(sentences(found), tables(found), _plots(found), _HOW)
    write_pages(folder, "adjudicate", "Two adjudicators", found, shown)


def sentences(found: dict[str, Any]) -> list[str]:
    """What was scored, and for each question whether the difference finds more than the blind one alone."""
    truth = f"labels of steps: {visible(found['truth'])}" if found["truth"] else "no step is labelled"
    said = [
        f"sees the answer: {visible(found['aware'])}; blind: {visible(found['blind'])}; judged on: "
        f"{visible(found['what'])}",
        f"{found['solutions']:,} solutions of {found['problems']:,} problems; {truth}",
    ]
    return [*said, *map(visible, found["remarks"]), *map(_answer, found["questions"])]


def tables(found: dict[str, Any]) -> list[TableText]:
    """Areas, gains over the blind one, and what is most suspect."""
    questions = found["questions"]
    areas = [
        [row["name"], f"{row['sound']:,}", f"{row['unsound']:,}", *(_cell(row, name, "area") for name in _COLOURS)]
        for row in questions
    ]
    others = [name for name in _COLOURS if name != "blind"]
    gains = [[row["name"], *(_cell(row, name, "gain") for name in others)] for row in questions]
    return [
        ("Areas under the ROC curve", ["what is found", "sound", "unsound", *_COLOURS], areas),
        ("Gain over the blind one", ["what is found", *others], gains),
        _problems(found["suspect_problems"]),
        _steps(found["suspect_steps"]),
    ]


def _answer(row: dict[str, Any]) -> str:
    own = row["signals"].get("difference", {"area": None})
    if own["area"] is None:
        kinds = f"{row['sound']:,} sound and {row['unsound']:,} unsound things"
        return f"{row['name']}: not told, for there are {kinds}"
    blind = row["signals"]["blind"]["area"]
    told = f"the difference has an area of {own['area']:.3f}, the blind one alone {blind:.3f}"
    return f"{row['name']}: {told}; {_verdict(own)}"


def _verdict(own: dict[str, Any]) -> str:
    """What the intervals allow to say of the difference: does it know anything, and then, more than the blind one?"""
    area, gained = own["interval"], own["gain_interval"]
    if area is None or gained is None:
        return "too few problems for an interval"
    if area[1] < 0.5:
        return "it points the other way"
    if area[0] <= 0.5:
        return "no more than chance is shown"
    return "it finds more" if gained[0] > 0 else "it finds less" if gained[1] < 0 else "no gain is shown"


def _problems(rows: Sequence[dict[str, Any]]) -> TableText:
    head = ["problem", "reference", "favoured end", "aware", "blind", "difference", "end right"]
    cells = [
        [*(_clip(row[name]) for name in ("problem_id", "answer", "step")), *_three(row), f"{100 * row['solved']:.0f} %"]
        for row in rows[:_LISTED]
    ]
    return "Problems whose reference is most suspect", head, cells


def _steps(rows: Sequence[dict[str, Any]]) -> TableText:
    head = ["problem", "step", "text", "aware", "blind", "difference", "label"]
    cells = [
        [_clip(row["problem_id"]), str(row["place"] + 1), _clip(row["step"]), *_three(row), _label(row["label"])]
        for row in rows[:_LISTED]
    ]
    return "Steps at which they differ most", head, cells


def _three(row: dict[str, Any]) -> list[str]:
    return [f"{row[name]:+.2f}" for name in ("aware", "blind", "difference")]


def _label(label: float | None) -> str:
    return "-" if label is None else "right" if label > 0 else "wrong" if label < 0 else "neither"


def _clip(text: str) -> str:
    shown = visible(text.strip())
    return shown if len(shown) <= 40 else f"{shown[:39]}…"


def _cell(row: dict[str, Any], signal: str, figure: str) -> str:
    found = row["signals"].get(signal)
    if found is None or found[figure] is None:
        return "-"
    ends = found["interval" if figure == "area" else "gain_interval"]
    sign = "+" if figure == "gain" else ""
    return f"{found[figure]:{sign}.3f}" + (f" ({ends[0]:{sign}.3f} to {ends[1]:{sign}.3f})" if ends else "")


def _plots(found: dict[str, Any]) -> dict[str, Plot]:
    made = {}
    if any(row["signals"].get("difference", {"area": None})["area"] is not None for row in found["questions"]):
        made["areas"] = _areas(found["questions"])
    if found["bins"]:
        made["differences"] = _differences(found["bins"])
    if found["around"]:
        made["around_errors"] = _around(found["around"])
    return made


def _areas(questions: Sequence[dict[str, Any]]) -> Plot:
    ticks = [(tick / 10, f"{tick / 10:g}") for tick in range(0, 11, 2)]
    x = Axis(-0.5, len(questions) - 0.5, list(enumerate(_SHORT)))
    plot = Plot("area under the ROC curve of each signal, by what is to be found", x, Axis(0, 1, ticks), height=340)
    plot.line([(-0.5, 0.5), (len(questions) - 0.5, 0.5)], "#6b7280", width=1.5, dash="5 4")
    for number, (signal, colour) in enumerate(_COLOURS.items()):
        for place, row in enumerate(questions):
            known = row["signals"].get(signal)
            if known is not None and known["area"] is not None:
                at = place + (number - 2) * 0.14
                if known["interval"]:
                    plot.whisker(at, known["interval"], colour)
                plot.dot((at, known["area"]), colour, f"{row['name']}, {signal}: {_cell(row, signal, 'area')}")
        plot.name(signal, colour)
    return plot


def _differences(bins: dict[str, list[int]]) -> Plot:
    shares = {name: [count / sum(counts) for count in counts] for name, counts in bins.items()}
    most = max(max(own) for own in shares.values())
    top = (int(10 * most) + 1) / 10
    y = Axis(0, top, [(tick / 10, f"{10 * tick} %") for tick in range(int(10 * top) + 1)])
    x = Axis(-2, 2, [(tick, f"{tick:+d}" if tick else "0") for tick in range(-2, 3)], "aware - blind")
    plot = Plot("share of steps by the difference of their scores", x, y, height=340, right=190)
    for name, own in shares.items():
        colour, dash = _KINDS[name]
        width = 4 / len(own)
        plot.line([(-2 + (at + 0.5) * width, share) for at, share in enumerate(own)], colour, dash=dash)
        plot.name(f"{name} ({sum(bins[name]):,})", colour)
    return plot


def _around(rows: Sequence[dict[str, Any]]) -> Plot:
    places = [row["place"] for row in rows]
    x = Axis(
        min(places) - 0.2,
        max(places) + 0.2,
        [(at, f"{at:+d}" if at else "first error") for at in places],
        "steps from the first error",
    )
    y = Axis(-1, 1, [(tick / 2, f"{tick / 2:+g}" if tick else "0") for tick in range(-2, 3)])
    plot = Plot("mean score around first errors", x, y, height=340)
    for name in ("aware", "blind"):
        plot.line([(row["place"], row[name]) for row in rows], _COLOURS[name])
        for row in rows:
            title = f"{name}, {row['steps']:,} steps: {row[name]:+.3f}"
            plot.dot((row["place"], row[name]), _COLOURS[name], title)
        plot.name(name, _COLOURS[name])
    return plot
