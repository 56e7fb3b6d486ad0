"""Where a run's jobs are done: worker processes of this machine, or ray actors here or on a cluster.

Which of them does a job changes no byte of its result. (How one process feeds its searches is ``search.driver``.)
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from evolve.ray_start import installed_ray, refuse_ray
from evolve.workers import Job, OnProgress, Outcome, WorkerPool
from tasks.errors import UserError
from tasks.options import Option


class Executor(Option):
    """Who does the jobs of a run."""

    PROCESSES = "processes"
    RAY = "ray"


@dataclass
class RayConfig:
    """With executor=ray: which machines do the jobs. ``workers`` is the number of actors."""

    address: str = "local"  # local: a ray of the run's own, on this machine; auto or HOST:PORT: a cluster (ray start)
    gpus_per_actor: float | None = None  # none: 1 where ray has GPUs and engine.device is not cpu, else 0
    timeout_s: float = 120.0  # seconds without a single actor up after which the run stops


class Pool(Protocol):
    """What a run needs of its executor; ``evolve.workers.WorkerPool`` tells what the methods promise."""

    def run(
        self, jobs: Sequence[Job], on_progress: OnProgress | None = None, in_order: bool = False
    ) -> Iterator[Outcome]: ...

    def peak_memory_mb(self) -> float: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: object) -> None: ...


_ADDRESS = re.compile(r"local|auto|[\w.-]+:\d{1,5}")


def check_executor(executor: Executor, workers: int, ray: RayConfig, device: str) -> None:
    """Refuse settings of the executor that cannot work; ``device`` is ``engine.device``."""
    if executor is not Executor.RAY:
        return
    gpus = ray.gpus_per_actor
    rules = {
        f"executor=ray needs workers of at least 1 (its actors), got {workers}": workers >= 1,
        f"ray.address must be local, auto or HOST:PORT, got {ray.address}": _ADDRESS.fullmatch(ray.address),
        f"ray.gpus_per_actor must lie in [0, 1] or be a whole number, got {gpus}": (
            gpus is None or 0 <= gpus <= 1 or (gpus > 1 and gpus == math.floor(gpus))
        ),
        f"ray.timeout_s must be a positive number of seconds, got {ray.timeout_s}": 0 < ray.timeout_s < math.inf,
        f"engine.device={device} names one GPU, and with executor=ray each actor is given its own; "
        "use engine.device=auto or cuda": not device.startswith("cuda:"),
    }
    for rule, holds in rules.items():
        if not holds:
            raise UserError(rule)
    refuse_ray(installed_ray())


def open_pool(
    executor: Executor, workers: int, ray: RayConfig, device: str, folder: Path, note: Callable[[str], None]
) -> Pool:
    """The pool of a run in ``folder``, which all machines must see. ``note`` hears of actors that were lost."""
    if executor is Executor.PROCESSES:
        return WorkerPool(workers)
    from evolve.ray_pool import RayPool

    return RayPool(workers, ray, device, folder, note)
