"""Weights & Biases beside metrics.jsonl: offline unless asked, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evolve.config import WandbConfig, WandbMode
from evolve.stages import NoTracker, Tracker
from tasks.splits import content_hash


class _WandbTracker:
    def __init__(self, run: Any) -> None:
        self._run = run

    def log(self, row: Mapping[str, Any]) -> None:
        self._run.log(dict(row))


@contextmanager
def tracking(config: WandbConfig, root: Path, settings: dict[str, Any]) -> Iterator[Tracker]:
    """A tracker that keeps its files in the run folder; a resumed run continues the same Weights & Biases run."""
    if config.mode is WandbMode.DISABLED:
        yield NoTracker()
        return
    import wandb  # only when it is wanted: importing it takes a second

    run = wandb.init(
        project=config.project,
        name=root.name,
        id=content_hash(str(root.resolve())),  # a sweep's folders have names that an id may not have
        resume="allow",
        dir=root,
        mode="online" if config.mode is WandbMode.ONLINE else "offline",
        config=settings,
        settings=wandb.Settings(silent=True, console="off", x_disable_stats=True, save_code=False),
    )
    try:
        yield _WandbTracker(run)
    finally:
        run.finish()
