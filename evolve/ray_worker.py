"""What runs inside ray's processes: the worker that does jobs, and the mailbox for their progress. Knows no ray."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Any

from evolve.worker_process import Progress, Reporter, Returned, process_peak_mb
from evolve.workers import ONE_THREAD, Job
from tasks.errors import UserError


class Mailbox:
    """Holds what jobs report until the run asks for it."""

    def __init__(self) -> None:
        self._reports: list[tuple[int, Progress]] = []

    def put(self, ticket: int, progress: Progress) -> None:
        """Add a report of the job that was given out under ``ticket``."""
        self._reports.append((ticket, progress))

    def take(self) -> list[tuple[int, Progress]]:
        """All reports since the last call."""
        taken, self._reports = self._reports, []
        return taken


class RayWorker:
    """Does one job after the other on one thread, and keeps its engine in between as any worker process does."""

    def __init__(self, mailbox: Any, paths: list[str]) -> None:
        """``paths``: where the run's own process finds its modules. Comes before any job brings torch in."""
        os.environ.update(ONE_THREAD)
        sys.path.extend(path for path in paths if path not in sys.path)
        self._mailbox = mailbox

    def enter(self, folder: Path) -> None:
        """Work in the folder that the run was started from, so that relative paths mean the same."""
        try:
            os.chdir(folder)
        except OSError as error:
            raise _unseen("the folder of the start", folder) from error

    def perform(self, ticket: int, index: int, job: Job, folder: Path, digest: str) -> Returned:
        """Do a job of the run in ``folder``, whose record has ``digest`` (``record_digest``)."""
        if record_digest(folder) != digest:
            raise _unseen("the run folder", folder)
        report = Reporter(index, job.name, lambda progress: self._mailbox.put.remote(ticket, progress))
        value = job.function(report, **job.kwargs)
        return Returned(value, report.last, os.getpid(), process_peak_mb())


def record_digest(folder: Path) -> str:
    """What tells a run folder from any other, an older copy of itself included: the sha256 of its run.json."""
    path = folder / "run.json"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no run here"


def _unseen(what: str, folder: Path) -> UserError:
    return UserError(
        f"{platform.node()} does not see {what}, {folder}: with executor=ray it must lie on a file system that all "
        "machines share; start there, or use ray.address=local"
    )
