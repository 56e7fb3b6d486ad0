"""What a job of a comparison is given, as it travels to the workers. Free of torch: the main process has none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from compare.config import ArmConfig, CompareConfig


@dataclass(frozen=True)
class Trees:
    """What was grown for an arm: the folder with ``sft.jsonl``, ``pairs.jsonl`` and ``ppm``, and what it has cost."""

    folder: Path
    ledger: Mapping[str, Any]


@dataclass(frozen=True)
class ArmWork:
    """One arm and seed. ``start``: the folder of the cold start, ``start_right``: which problems it solves."""

    config: CompareConfig
    name: str
    seed: int
    start: Path
    start_right: list[bool]
    trees: Trees | None
    out: Path

    @property
    def arm(self) -> ArmConfig:
        """What makes the arm differ from the others."""
        return self.config.arms[self.name]


@dataclass(frozen=True)
class TreesWork:
    """Grow trees from the policy in ``start`` until ``share`` of the budget is spent, then train a PPM or not."""

    config: CompareConfig
    seed: int
    start: Path
    share: float
    with_ppm: bool
    out: Path


def plain(arm: ArmConfig) -> Any:
    """An arm's options as they stand in the record."""
    return json.loads(json.dumps(asdict(arm)))
