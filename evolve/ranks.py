"""Jobs on the ranks of ``torchrun``: rank 0 runs the program and writes its files, all ranks do every job together.

Every rank goes through a job as if it were alone, and they share the work at the places that ``lm.distributed`` tells.
What a job writes while it runs, the ranks above 0 write to folders of their own, which are removed when it is done. All
read the same folders, so on several machines those must lie where all see them. Free of torch until there are ranks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from evolve.worker_process import Reporter, process_peak_mb
from evolve.workers import Job, OnProgress, Outcome, ignore
from policy.config import EngineConfig
from tasks.errors import UserError

_TOLD = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR")


def launched() -> int:
    """How many ranks torchrun has started; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if all(name in os.environ for name in _TOLD) else 1


def is_follower() -> bool:
    """Is this a rank above 0?"""
    return launched() > 1 and os.environ["RANK"] != "0"


def refuse_one_gpu(option: str, device: str) -> None:
    """UserError for a device that all ranks would share; ``option`` is what it was set by."""
    if device.startswith("cuda:"):
        raise UserError(f"{option}={device} names one GPU, and each rank has its own; use cuda")


def follow(engine: EngineConfig) -> None:
    """Do the jobs of rank 0 with it, until it says that there are no more. ``engine`` tells the device."""
    from lm.distributed import agreed, end_together, leave

    joined = _join(engine)
    while (job := agreed(None)) is not None:
        with TemporaryDirectory(prefix="treeward-rank-") as folder:
            value = job.function(_unheard, **_aside(job.kwargs, Path(folder) / "out"))
            end_together(getattr(value, "reason", ""))
    if joined:
        leave()


class RankPool:
    """Rank 0's pool: a job is done here, and by all other ranks with it. One after the other."""

    def __init__(self, engine: EngineConfig) -> None:
        self._joined = _join(engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        """Dismiss the others. After an error nothing is said to them, they may be waiting elsewhere: torchrun does."""
        from lm.distributed import agreed, leave

        if not any(raised):
            agreed(None)
            if self._joined:
                leave()

    def run(
        self, jobs: Sequence[Job], on_progress: OnProgress | None = None, in_order: bool = False
    ) -> Iterator[Outcome]:
        """As ``evolve.workers.WorkerPool`` does; ``in_order`` they are in any case."""
        from lm.distributed import agreed, end_together

        notify = on_progress or ignore
        for index, job in enumerate(jobs):
            agreed(job)
            report = Reporter(index, job.name, notify)
            value = job.function(report, **job.kwargs)
            end_together(getattr(value, "reason", ""))
            if report.last is not None:
                notify(report.last)
            yield Outcome(index, job.name, value)

    def peak_memory_mb(self) -> float:
        """Of rank 0, in MiB."""
        return process_peak_mb()


def _join(engine: EngineConfig) -> bool:
    from evolve.models import device_of
    from lm.distributed import join

    return join("cuda" if device_of(engine).startswith("cuda") else "cpu")


def _aside(kwargs: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """What a job is told, with another place to write to: its argument ``out``, or that of its ``work``."""
    told = dict(kwargs["kwargs"])
    if "work" in told:
        told["work"] = replace(told["work"], out=out)
    else:
        told["out"] = out
    return {**kwargs, "kwargs": told}


def _unheard(*_: object, **__: object) -> None:
    """Rank 0 reports."""
