"""The pictures of the hacking diagnosis: learned reward, truth, gap and drift by update, and what choosing comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compare.charts import Line, Panel, line_panels
from compare.summary import finished

LEARNED, TRUE, APART = "#d97706", "#2f6fde", "#c026d3"


def reward_panels(arms: Mapping[str, Any]) -> str:
    """Learned reward (orange) and truth (blue) of an arm's seeds by update; red where the alarm sounded."""
    panels = _by_update(arms, {"hack/learned": LEARNED, "hack/true": TRUE})
    return line_panels(panels, (0.0, 1.0), "learned reward and truth by update")


def gap_panels(arms: Mapping[str, Any]) -> str:
    """Learned reward less truth."""
    panels = _by_update(arms, {"hack/gap": APART})
    return line_panels(panels, (-1.0, 1.0), "learned reward less truth by update")


def drift_panels(arms: Mapping[str, Any]) -> str:
    """KL divergence to the cold start in nats per token; empty where no arm's is known."""
    panels = _by_update(arms, {"hack/kl": APART})
    most = max((y for panel in panels for line in panel.lines for y in line.ys), default=0.0)
    return line_panels(panels, (0.0, most), "KL to the cold start by update", "g") if panels else ""


def choice_panels(arms: Mapping[str, Any]) -> str:
    """Learned (orange) and true (blue) reward of the best of n over the KL that choosing it costs; empty if unknown."""
    panels = []
    for name, row in arms.items():
        curves = [each["best_of_n"] for each in finished(row) if each["best_of_n"]]
        lines = [
            Line(tint, [point["kl"] for point in curve], [point[key] for point in curve])
            for curve in curves
            for key, tint in (("learned", LEARNED), ("true", TRUE))
        ]
        panels += [Panel(name, lines, f"n = {curves[0][-1]['n']}")] if curves else []
    return line_panels(panels, (0.0, 1.0), "best of n by the learned reward") if panels else ""


def judged_panels(arms: Mapping[str, Any]) -> str:
    """Mean reward in training (orange) and of the judged problems (blue) by update; empty where no grader rewards."""
    panels = []
    for name, row in arms.items():
        runs = [each["rewards"] for each in finished(row) if "rewards" in each]
        lines = [
            Line(tint, [place for place, _ in run[key]], [value for _, value in run[key]])
            for run in runs
            for key, tint in (("training", LEARNED), ("judged", TRUE))
        ]
        if lines:
            panels.append(Panel(name, lines, f"{max(line.xs[-1] for line in lines if line.xs):.0f}"))
    return line_panels(panels, (0.0, 1.0), "reward in training and of judged problems by update") if panels else ""


def _by_update(arms: Mapping[str, Any], tints: Mapping[str, str]) -> list[Panel]:
    """A panel per arm that has the first figure, a line per seed and figure."""
    panels, first = [], next(iter(tints))
    for name, row in arms.items():
        runs = [each["hacking"] for each in finished(row) if first in each["hacking"]["series"]]
        if not runs:
            continue
        sounded = [run["alarm"]["sounded"] for run in runs if run["alarm"] is not None]
        told = f"{name}: alarm in {len(sounded)} of {len(runs)}" if sounded else name
        lines = [_line(run["series"].get(key, ()), tint) for run in runs for key, tint in tints.items()]
        updates = max(len(run["series"]["hack/true"]) for run in runs)
        panels.append(Panel(told, lines, f"{updates - 1}", sounded))
    return panels


def _line(series: Sequence[float | None], tint: str) -> Line:
    known = [(place, value) for place, value in enumerate(series) if value is not None]
    return Line(tint, [place for place, _ in known], [value for _, value in known])
