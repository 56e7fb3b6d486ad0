"""From the record of one arm and seed to what the summary is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compare.material import with_seconds
from compare.summary import SeedRun

_TAKEN_DOWN = {"equal_groups": "frac_reward_zero_std", "clipped": "clip_ratio/region_mean", "entropy": "entropy"}


def seed_run(
    found: Mapping[str, Any],
    start_right: Sequence[bool],
    rows: Sequence[Mapping[str, Any]],
    seconds: Mapping[str, float],
    links: Mapping[str, str],
) -> SeedRun:
    """``found``: the arm's result, ``rows``: its metrics, ``seconds``: by phase."""
    return SeedRun(
        start_right=start_right,
        final_right=found["right"],
        curve=[(flops, accuracy) for flops, accuracy in found["curve"]],
        ledger=with_seconds(found["ledger"], seconds),
        hacking=[{name: row[name] for name in row if name.startswith("hack/")} for row in rows],
        fidelity=found.get("fidelity", {}),
        best_of_n=found.get("best_of_n", ()),
        links=links,
        training=_training(found, rows),
        stages=found.get("stages", ()),
        parts=found.get("parts", {}),
        rewards=_rewards(rows),
    )


def _training(found: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """How many updates there were, and means over them."""
    known = {name: [row[metric] for row in rows if metric in row] for name, metric in _TAKEN_DOWN.items()}
    means = {name: sum(values) / len(values) for name, values in known.items() if values}
    return {"updates": float(found["updates"]), **means}


def _rewards(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """Where a grader rewards: by place of the update, the mean reward in training and of the judged problems."""
    if not any("eval/reward" in row for row in rows):
        return {}
    named = {"training": "reward", "judged": "eval/reward"}
    return {
        name: [[place, row[metric]] for place, row in enumerate(rows) if metric in row]
        for name, metric in named.items()
    }


def links_of(root: Path, out: Path, trees: Path | None) -> dict[str, str]:
    """What there is to look at of an arm and seed in ``out``, and in ``trees``; relative to the comparison's folder."""
    pages = {"solutions": out / "samples.md", "its groups as trees": out / "trees.md"}
    if trees is not None:
        pages["trees that it learned from"] = trees / "trees.md"
    return {words: page.relative_to(root).as_posix() for words, page in pages.items() if page.exists()}
