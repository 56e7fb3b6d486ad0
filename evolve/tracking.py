"""Weights & Biases beside metrics.jsonl: offline unless asked, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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

    def table(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        import wandb

        self._run.log({name: wandb.Table(columns=list(columns), data=[list(row) for row in rows])})

    def keep(self, name: str, files: Sequence[Path]) -> None:
        import wandb

        artefact = wandb.Artifact(f"{self._run.id}-{name}", type=name)
        for path in files:
            artefact.add_file(str(path))
        self._run.log_artifact(artefact)


@contextmanager
def tracking(
    config: WandbConfig, root: Path, settings: dict[str, Any], name: str = "", group: str | None = None
) -> Iterator[Tracker]:
    """A tracker that keeps its files in the run folder; a resumed run continues the same Weights & Biases run.

    ``name``: which part of ``root`` is tracked, where each part is a run of its own; ``group``: those it belongs with.
    """
    if config.mode is WandbMode.DISABLED:
        yield NoTracker()
        return
    import wandb  # only when it is wanted: importing it takes a second

    place = (root / name).resolve()
    run = wandb.init(
        project=config.project,
        name=f"{root.name} {name}" if name else root.name,
        group=group,
        id=content_hash(str(place)),  # a sweep's folders have names that an id may not have
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
