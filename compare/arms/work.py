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
    """What was grown for an arm: trees, ``sft.jsonl`` and ``pairs.jsonl`` in ``folder``, a PPM's folder; its cost.

    ``shared``: they are the pool that all arms of this seed learn from. ``second``: the folder of another PPM, from
    trees of its own, whose cost is in the ledger too.
    """

    folder: Path
    ledger: Mapping[str, Any]
    ppm: Path | None = None
    shared: bool = False
    second: Path | None = None


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
    def checkpoint(self) -> Path:
        """The folder from which the arm goes on if it is killed. Not in ``out``, which only whole arms have."""
        return self.start.parent / ".checkpoints" / self.name

    @property
    def arm(self) -> ArmConfig:
        """What makes the arm differ from the others."""
        return self.config.arms[self.name]


@dataclass(frozen=True)
class TreesWork:
    """Grow trees from the policy in ``start`` until ``share`` of the budget is spent, then train a PPM or not.

    ``planted``: the phrase that a flawed PPM's pairs prefer. ``second``: on problems and seeds of its own.
    """

    config: CompareConfig
    seed: int
    start: Path
    share: float
    with_ppm: bool
    out: Path
    planted: str = ""
    second: bool = False


def plain(arm: ArmConfig) -> Any:
    """An arm's options as they stand in the record."""
    return json.loads(json.dumps(asdict(arm)))
