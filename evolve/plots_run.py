"""The plots of a run: what its rounds came to, what their trees show, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evolve.plots import Axis, Plot, amounts, ordered_colours, panels, stacked
from evolve.report_text import percent

BLUE, ORANGE, VIOLET, GREEN, GREY, OCHRE = "#0f7fc4", "#d55e00", "#8b5cf6", "#15803d", "#7d7d86", "#8a6d00"
_SHARES = (
    ("greedy", BLUE), ("sampled", GREY), ("search", ORANGE), ("coverage", GREEN), ("ppm_pair_accuracy", VIOLET),
)  # fmt: skip
_TOKENS = (
    ("cold start, trained", ("train", "trained_tokens"), GREY),
    ("search, generated", ("search", "generated_tokens"), BLUE),
    ("search, scored", ("search", "scored_tokens"), OCHRE),
    ("PPM, trained", ("ppm", "trained_tokens"), VIOLET),
    ("policy, trained", ("policy", "trained_tokens"), GREEN),
    ("evaluation, generated", ("evaluation", "generated_tokens"), ORANGE),
)
_PHASES = {
    "cold_start": ("cold start", GREY), "search": ("search", BLUE), "select": ("selection", OCHRE),
    "ppm": ("PPM", VIOLET), "policy": ("policy", GREEN), "evaluate": ("evaluation", ORANGE),
}  # fmt: skip
_VALUES = Axis(-1, 1, [(-1, "-1"), (0, "0"), (1, "+1")])


@dataclass(frozen=True, slots=True)
class Figure:
    """``name`` is that of its file, ``caption`` says how to read it."""

    name: str
    title: str
    svg: str
    caption: str


def run_figures(
    rows: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]], seconds: Mapping[str, float]
) -> list[Figure]:
    """The figures that there is something to show for.

    ``rows`` are the rounds of ``summary.json``, ``judged`` their ``eval.json``, ``seconds`` those of each stage by its
    key (``round_1/ppm``).
    """
    made = [shares(rows), distributions(judged), calibration(judged), pairs_by_depth(rows), tokens(judged)]
    return [figure for figure in [*made, times(seconds)] if figure is not None]


def shares(rows: Sequence[dict[str, Any]]) -> Figure:
    """Accuracy and coverage by round."""
    few = len(rows) <= 8
    names = [(row["round"], _round_name(row["round"]) if few else str(row["round"])) for row in rows]
    scale = Axis(0, 1, [(tick / 100, f"{tick} %") for tick in (0, 25, 50, 75, 100)])
    plot = Plot("shares by round", Axis(0, max(1, len(rows) - 1), names), scale)
    ends: list[tuple[float, str, str]] = []
    for name, colour in _SHARES:
        known = [row for row in rows if row[name] is not None]
        text = name.replace("_", " ").replace("ppm", "PPM")
        if known:
            plot.line([(row["round"], row[name]) for row in known], colour)
            ends.append((known[-1][name], text, colour))
        for row in known:
            if f"{name}_interval" in row:
                plot.whisker(row["round"], row[f"{name}_interval"], colour)
            plot.dot((row["round"], row[name]), colour, f"{_round_name(row['round'])}, {text}: {percent(row[name])}")
    for height, text, colour in sorted(ends, reverse=True):
        plot.name(text, colour, height)
    return Figure(
        "accuracy", "Accuracy and coverage", plot.svg(),
        "Accuracy on the judged problems (greedy decoding, mean of samples, PPM-guided search; upright lines are 95 % "
        "Wilson intervals), the share of training problems that the search solved, and the PPM's accuracy on pairs "
        "from problems it was not trained on.",
    )  # fmt: skip


def distributions(judged: Sequence[dict[str, Any]]) -> Figure | None:
    """Q and the PPM's scores over the steps of each round's training trees."""
    known = [(each["round"], found) for each in judged if (found := each.get("select", {}).get("distributions"))]
    if not known:
        return None
    highest = max(max(_parts(found[name])) for _, found in known for name in ("q", "score"))
    plots = [_histogram(number, found, amounts(100 * highest, most_ticks=4)) for number, found in known]
    return Figure(
        "distributions", "Q and PPM over the steps of the trees", panels("distributions of Q and PPM", plots, 3),
        "Bars: Q of the visited steps of the training problems' trees. Line: the PPM's scores, where the search asked "
        "for any. Both in percent of the steps that have one.",
    )  # fmt: skip


def _histogram(number: int, found: dict[str, list[int]], y: Axis) -> Plot:
    plot = Plot(_round_name(number), _VALUES, y, width=240, height=170, left=34, right=14)
    plot.heading(f"% of {sum(found['q']):,} steps of {_round_name(number)}")
    width = 2 / len(found["q"])
    for at, share in enumerate(_parts(found["q"])):
        low = -1 + at * width
        title = f"Q {low:+.1f} to {low + width:+.1f}: {percent(share)} of steps"
        plot.bar((low, 0), (low + width, 100 * share), BLUE, title, opacity=0.7)
    if sum(found["score"]):
        steps = [(-1 + (at + side) * width, 100 * s) for at, s in enumerate(_parts(found["score"])) for side in (0, 1)]
        plot.line(steps, ORANGE, width=2)
    return plot


def _parts(counts: Sequence[int]) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]


def calibration(judged: Sequence[dict[str, Any]]) -> Figure | None:
    """The PPM's scores in the held-out trees against how their solutions ended."""
    known = [(each["round"], each["select"]["calibration"]) for each in judged if _bins(each)]
    if not known:
        return None
    scale = Axis(
        -1, 1, [(tick, f"{tick:+g}" if tick else "0") for tick in (-1, -0.5, 0, 0.5, 1)], "PPM's score of a step"
    )
    plot = Plot("calibration of the PPM", scale, Axis(-1, 1, scale.ticks), height=340, right=350)
    plot.heading("outcome")
    plot.line([(-1, -1), (1, 1)], GREY, width=1, dash="5 4")
    most = max(count for _, found in known for count, _, _ in found["bins"])
    for (number, found), colour in zip(known, ordered_colours(len(known)), strict=True):
        plot.line([(score, outcome) for _, score, outcome in found["bins"]], colour, width=2)
        for count, score, outcome in found["bins"]:
            title = f"{_round_name(number)}: {count:,} steps scored {score:+.2f}, outcome {outcome:+.2f}"
            plot.dot((score, outcome), colour, title, 2.5 + 5 * math.sqrt(count / most))
        plot.name(f"{_round_name(number)}, error {found['error']:.2f}", colour)
    return Figure(
        "calibration", "Calibration of the PPM", plot.svg(),
        "Steps of the held-out trees by the score of the PPM that guided the round's search (it was trained the round "
        "before, on other problems), against the mean value of the verified ends found below them: +1 right, -1 wrong. "
        "On the broken line scores would be values. Larger dots are more steps; the error is the mean distance from "
        "the line.",
    )  # fmt: skip


def _bins(judged: dict[str, Any]) -> list[Any]:
    bins: list[Any] = judged.get("select", {}).get("calibration", {}).get("bins", [])
    return bins


def pairs_by_depth(rows: Sequence[dict[str, Any]]) -> Figure | None:
    """Preference pairs by the number of the step, a bar per round."""
    known = [(row["round"], {int(depth): n for depth, n in row["pairs_by_depth"].items()}) for row in rows]
    known = [(number, counts) for number, counts in known if counts]
    if not known:
        return None
    depths = sorted({depth for _, counts in known for depth in counts})
    ticks = [(depth, str(depth)) for depth in range(depths[0], depths[-1] + 1)]
    x = Axis(depths[0] - 0.6, depths[-1] + 0.6, ticks, "number of the step")
    plot = Plot("pairs by depth", x, amounts(max(max(counts.values()) for _, counts in known)))
    width = 0.8 / len(known)
    for at, ((number, counts), colour) in enumerate(zip(known, ordered_colours(len(known)), strict=True)):
        plot.name(_round_name(number), colour)
        for depth, count in counts.items():
            left = depth - 0.4 + at * width
            title = f"{_round_name(number)}, step {depth}: {count:,} pairs"
            plot.bar((left, 0), (left + 0.92 * width, count), colour, title)
    return Figure(
        "pairs", "Preference pairs by depth", plot.svg(),
        "How many pairs the rules found at the first, second, ... step; for pairs of whole solutions the number of "
        "their last step.",
    )  # fmt: skip


def tokens(judged: Sequence[dict[str, Any]]) -> Figure:
    """Tokens by phase of each round."""
    parts = {
        _round_name(each["round"]): {name: each.get(part, {}).get(field, 0) for name, (part, field), _ in _TOKENS}
        for each in judged
    }
    colours = {name: colour for name, _, colour in _TOKENS}
    return Figure(
        "tokens", "Tokens by phase", stacked("tokens by phase", parts, colours, "tokens").svg(),
        "Generated: sampled by the policy, dropped and repeated steps included. Scored: read by the PPM. Trained: gone "
        "through the optimiser. A token of one kind does not cost what a token of another does.",
    )  # fmt: skip


def times(seconds: Mapping[str, float]) -> Figure | None:
    """Wall-clock by phase of each round."""
    rounds: dict[int, dict[str, float]] = {}
    for key, value in seconds.items():
        folder, _, stage = key.partition("/")
        name = _PHASES[next(phase for phase in _PHASES if stage.startswith(phase))][0]
        of_round = rounds.setdefault(int(folder.removeprefix("round_")), {})
        of_round[name] = of_round.get(name, 0.0) + value
    if not rounds:
        return None
    parts = {_round_name(number): rounds[number] for number in sorted(rounds)}
    plot = stacked("seconds by phase", parts, dict(_PHASES.values()), "seconds")
    caption = "Stages of a phase may run side by side: each counts for the time that it added."
    return Figure("seconds", "Time by phase", plot.svg(), caption)


def _round_name(number: int) -> str:
    return "cold start" if number == 0 else f"round {number}"
