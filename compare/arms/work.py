"""What a job of a comparison is given, as it travels to the workers. Free of torch: the main process has none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
class StageWork:
    """What a stage of an arm is told besides. ``ends``: the share of the budget that is spent when it is over.

    ``base``: the folder of the cold start; ``home``: where checkpoints are. Of the stages before: ``ledger``,
    ``curve``, ``rows`` and ``updates``.
    """

    number: int
    ends: float
    base: Path
    home: Path
    ledger: Mapping[str, Any]
    curve: Sequence[tuple[float, float]]
    rows: Sequence[Mapping[str, Any]]
    updates: int


@dataclass(frozen=True)
class ArmWork:
    """One arm and seed. ``start``: the folder of the cold start, ``start_right``: which problems it solves.

    ``stage``: it is one of an arm's stages, called as its options are (``NAME.stages.0``), and ``start`` is the policy
    of the one before.
    """

    config: CompareConfig
    name: str
    seed: int
    start: Path
    start_right: list[bool]
    trees: Trees | None
    out: Path
    stage: StageWork | None = None

    @property
    def checkpoint(self) -> Path:
        """The folder from which the arm goes on if it is killed. Not in ``out``, which only whole arms have."""
        if self.stage is not None:
            return self.stage.home / str(self.stage.number)
        return self.start.parent / ".checkpoints" / self.name

    @property
    def arm(self) -> ArmConfig:
        """What makes the arm differ from the others."""
        arm = self.config.arms[self.name.partition(".")[0]]
        return arm if self.stage is None else arm.stages[self.stage.number]


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


_LATER = {"reward", "reward_model_parts", "reward_model_reads", "pairs", "teacher", "demonstrations", "train_from",
          "stages", "share", "label"}  # fmt: skip


def plain(arm: ArmConfig) -> Any:
    """An arm's options as they stand in the record.

    Those that came when there were comparisons already are left out where they are not set, so that these can go on.
    """
    unset = asdict(ArmConfig())
    said = {name: value for name, value in asdict(arm).items() if name not in _LATER or value != unset[name]}
    return json.loads(json.dumps(said))
