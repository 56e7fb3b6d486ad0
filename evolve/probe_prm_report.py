"""A probed process model in files and on the terminal: tables, a plot, and what it can be fooled by in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from evolve.judging_pages import Shown, TableText, ends_text, for_console, number_text, write_pages
from evolve.plots import Axis, Plot
from evolve.probe_prm_found import METHODS
from viewer.text import visible

_MATTERS = 0.05  # a share of verdicts below this is not worth a warning
_MOVED = ("step_shift", "step_flips", "shift", "flips", "fooled", "alarmed")
_HEAD = ["rewriting", "solutions", "kept", "step shift", "step flips", "shift", "flips", "wrong pass", "right fail"]
_HOW = {
    "perturbations": (
        "To people every rewriting leaves a solution as right or wrong as it was; kept: the share of which the task's "
        "oracle says so too, which may ask for an exact form. Shift: mean change of the score; flips: share "
        "with another verdict; wrong pass: of the wrong solutions that were found wrong, the share that passes now; "
        "right fail: of the right solutions that passed, the share that is found wrong now. A step below the threshold "
        "is found wrong, and a solution with such a step."
    ),
    "attack": (
        "Chosen wrong: share of the problems of which the solution with the highest score is wrong. Above: of the "
        "problems with right and wrong solutions, the share of which a wrong one scores above the best right one. The "
        "searches saw no answer and no verifier."
    ),
}


def write_probe(found: dict[str, Any], folder: Path) -> None:
    """Write all files."""
    plots = {"rewriting": _plot(found["perturbations"])} if "perturbations" in found else {}
    how = " ".join(text for name, text in _HOW.items() if name in found)
    shown = Shown(sentences(found), tables(found), plots, f"{how} Intervals are 95 %, over problems drawn anew.")
    write_pages(folder, "probe", "What a process model can be fooled by", found, shown)


def console_tables(found: dict[str, Any]) -> list[Table]:
    """The tables for a terminal."""
    return for_console(tables(found))


def sentences(found: dict[str, Any]) -> list[str]:
    """What was found, in words."""
    said = [f"PRM: {visible(str(found['prm']))}"]
    if rows := found.get("perturbations"):
        threshold = found["threshold"]
        said.append(
            f"{found['solutions']:,} solutions of {found['problems']:,} problems of {visible(str(found['data']))} were "
            f"rewritten; threshold {threshold['value']:.4g}, chosen on: {visible(str(threshold['source']))}"
        )
        said += [_fooled(rows), _alarmed(rows), *_untold(rows), *_by_length(found["length"])]
    if attack := found.get("attack"):
        said += _attacked(attack)
    return [*said, *found.get("remarks", [])]


def tables(found: dict[str, Any]) -> list[TableText]:
    """What the report shows, as text: title, head, rows."""
    made: list[TableText] = []
    if rows := found.get("perturbations"):
        cells = [
            [each["name"], f"{each['solutions']:,}", _share(each["kept"]), *(_cell(each[name]) for name in _MOVED)]
            for each in rows
        ]
        made.append(("Rewritten solutions", _HEAD, cells))
        made.append(("The rewritings", ["rewriting", "is"], [[each["name"], each["about"]] for each in rows]))
    if attack := found.get("attack"):
        made.append(_attack_table(attack))
    return made


def _fooled(rows: Sequence[dict[str, Any]]) -> str:
    """Which rewritings make wrong solutions pass."""
    return _verdict(
        rows, "fooled", "It can be fooled by", "of the wrong solutions that it found wrong pass",
        "makes wrong solutions pass",
    )  # fmt: skip


def _alarmed(rows: Sequence[dict[str, Any]]) -> str:
    """Which rewritings make right solutions fail."""
    return _verdict(
        rows, "alarmed", "It is put off by", "of the right solutions that passed are found wrong",
        "makes right solutions fail",
    )  # fmt: skip


def _verdict(rows: Sequence[dict[str, Any]], name: str, begins: str, of: str, none: str) -> str:
    told = [each for each in rows if each[name]["interval"] is not None]
    sure = [each for each in told if each[name]["interval"][0] > _MATTERS]
    sure.sort(key=lambda each: -float(each[name]["value"]))
    safe = [each["name"] for each in told if each[name]["interval"][1] < _MATTERS]
    holds = f"; it holds against {', '.join(safe)} (less than {_MATTERS:.0%})" if safe else ""
    if not told:
        return f"Whether a rewriting {none} cannot be told: there are too few that could."
    if not sure:
        return f"No rewriting {none} for sure (at least {_MATTERS:.0%}, by the interval){holds}."
    named = (f"{each['about']} ({each['name']}: {_percent(each[name])} {of})" for each in sure)
    return f"{begins}: {'; '.join(named)}{holds}."


def _untold(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rewritings that did not apply to a good part of the solutions."""
    said = []
    for each in rows:
        missing = sum(each["left_out"].values())
        if missing > each["solutions"]:
            why = ", ".join(f"{count:,} {reason}" for reason, count in each["left_out"].items())
            said.append(f"{each['name']} says little: it applies to {each['solutions']:,} solutions ({why})")
    return said


def _by_length(length: dict[str, Any]) -> list[str]:
    said = []
    for kind, one in length.items():
        if one["interval"] is not None and not one["interval"][0] <= 0 <= one["interval"][1]:
            way = "higher" if one["value"] > 0 else "lower"
            said.append(f"Longer {kind} solutions score {way} (rank correlation {_cell(one)})")
    return said


def _attacked(attack: dict[str, Any]) -> list[str]:
    rows = attack["rows"]
    said = [
        f"Attacked by the policy of {visible(attack['run'])}, round {attack['round']}: on {attack['problems']:,} "
        f"training problems {rows['wrong']:,} wrong solutions that it thinks well of were written, with "
        f"{rows['solutions'] - rows['wrong']:,} right ones beside them"
    ]
    if left := rows["left_out"]:
        said.append(f"{left:,} more were found, and could not be labelled")
    if "retraining" in attack:
        said.append(f"Not retrained: {attack['retraining']}")
    for how, name in METHODS.items():
        if "difference" in attack and (change := attack["difference"][how]["above"])["interval"] is not None:
            low, high = change["interval"]
            sure = "fewer" if high < 0 else "more" if low > 0 else "not surely another share of"
            said.append(f"After retraining {sure} problems have a wrong solution above the right ones in {name}")
    return said


def _attack_table(attack: dict[str, Any]) -> TableText:
    parts = [("before", attack["before"])]
    if "after" in attack:
        parts += [("after", attack["after"]), ("difference", attack["difference"])]
    rows = []
    for how, name in METHODS.items():
        for key, what in (("chosen_wrong", "chosen wrong"), ("above", "wrong above right")):
            rows.append([f"{name}: {what}", *(_cell(one[how][key]) for _, one in parts)])
    f1 = [_cell(one["f1"]) if one.get("f1") else "-" for _, one in parts]
    return (
        f"Attack on {attack['fresh']:,} fresh problems",
        ["", *(name for name, _ in parts)],
        [*rows, ["first-error F1 of best of N", *f1]],
    )


def _cell(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return "-"
    interval = "" if one["interval"] is None else f" ({ends_text(one['interval'])})"
    return number_text(one["value"]) + interval


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def _percent(one: dict[str, Any]) -> str:
    low, high = one["interval"]
    return f"{one['value']:.0%} [{low:.0%}, {high:.0%}]"


def _plot(rows: Sequence[dict[str, Any]]) -> Plot:
    tenths = [(tick / 10, f"{10 * tick} %") for tick in range(0, 11, 2)]
    x = Axis(-0.5, len(rows) - 0.5, [(place, each["name"]) for place, each in enumerate(rows)])
    plot = Plot("verdicts that a rewriting turns over", x, Axis(0, 1, tenths), width=60 * len(rows) + 220, height=320)
    for name, colour, aside, label in (
        ("fooled", "#c2410c", -0.1, "wrong ones pass"),
        ("alarmed", "#2f6fde", 0.1, "right ones fail"),
    ):
        for place, each in enumerate(rows):
            one = each[name]
            if one["value"] is not None:
                if one["interval"] is not None:
                    plot.whisker(place + aside, one["interval"], colour)
                plot.dot((place + aside, one["value"]), colour, f"{each['name']}, {label}: {_cell(one)}")
        plot.name(label, colour)
    return plot
