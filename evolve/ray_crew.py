"""The ray actors of a run: called up, given one job at a time, replaced when they die."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evolve.ray_start import Connection
from evolve.ray_worker import Mailbox, RayWorker, record_digest
from evolve.worker_process import Progress, Returned
from evolve.workers import Job
from tasks.errors import UserError

if TYPE_CHECKING:
    from evolve.executor import RayConfig

_FAILED_STARTS = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of the job at ``index``: what it returned, or (as text) how the actor ``number`` was lost with it."""

    index: int
    number: int
    came: Returned | str


@dataclass(frozen=True, slots=True)
class _Actor:
    number: int
    handle: Any


class Crew:
    """At most ``count`` actors, each with a processor and its share of GPUs to itself."""

    def __init__(self, count: int, config: RayConfig, device: str, folder: Path, note: Callable[[str], None]) -> None:
        self._connection = Connection(config, count)
        self._ray = self._connection.module
        self._config = config
        self._count = count
        self._folder = folder
        self._tickets = 0
        self._idle: list[_Actor] = []
        self._starting: dict[Any, _Actor] = {}
        self._busy: dict[Any, tuple[_Actor, int, int]] = {}  # ticket, index
        self._failed_starts = 0
        self._last_sign = time.monotonic()
        gpus = self._gpus_per_actor(device)
        self._check_room(gpus, note)
        options = {"num_cpus": 1, "num_gpus": gpus, "scheduling_strategy": "SPREAD"}
        self._worker = self._ray.remote(**options)(RayWorker)
        self._mailbox = self._ray.remote(num_cpus=0)(Mailbox).remote()
        self._mail = self._mailbox.take.remote()

    @property
    def has_idle(self) -> bool:
        """Is there an actor to give a job to?"""
        return bool(self._idle)

    @property
    def busy(self) -> int:
        """Jobs that are given out and not answered."""
        return len(self._busy)

    def call_up(self, jobs: int) -> None:
        """See to it that there are, or will be, as many actors as unfinished ``jobs`` can use."""
        there = [*self._idle, *self._starting.values(), *(actor for actor, _, _ in self._busy.values())]
        free = sorted(set(range(self._count)) - {actor.number for actor in there})
        for number in free[: max(0, min(jobs, self._count) - len(there))]:
            actor = _Actor(number, self._worker.remote(self._mailbox, sys.path))
            self._starting[actor.handle.enter.remote(Path.cwd())] = actor

    def give(self, index: int, job: Job) -> None:
        """Let an idle actor do a job."""
        actor = self._idle.pop(0)
        self._tickets += 1
        arguments = (self._tickets, index, job, self._folder, record_digest(self._folder))
        self._busy[actor.handle.perform.remote(*arguments)] = (actor, self._tickets, index)

    def answers(self, seconds: float) -> Iterator[Answer]:
        """Wait at most ``seconds`` for an actor to come up or a job to end; at most one answer.

        The error of a job is raised as it was, with the actor's traceback as its cause. UserError if no actor comes up.
        """
        self._refuse_silence()
        ready, _ = self._ray.wait([*self._starting, *self._busy], timeout=seconds)
        for ref in ready:
            if ref in self._starting:
                self._greet(ref)
                continue
            actor, _, index = self._busy.pop(ref)
            came = self._get(ref, actor)
            if isinstance(came, Returned):
                self._idle.append(actor)
            yield Answer(index, actor.number, came)

    def reports(self) -> Iterator[Progress]:
        """What the jobs under way have reported since the last call."""
        if not self._ray.wait([self._mail], timeout=0)[0]:
            return
        reports: list[tuple[int, Progress]] = []
        with suppress(self._ray.exceptions.RayActorError):  # progress is lost with its mailbox, and nothing else
            reports = self._ray.get(self._mail)
            self._mail = self._mailbox.take.remote()
        current = {ticket for _, ticket, _ in self._busy.values()}
        yield from (progress for ticket, progress in reports if ticket in current)

    def dismiss(self) -> None:
        """End every actor, in the middle of its job if it has one: what a job writes is whole or not there."""
        for actor in [*self._idle, *self._starting.values(), *(actor for actor, _, _ in self._busy.values())]:
            self._ray.kill(actor.handle)
        self._idle.clear()
        self._starting.clear()
        self._busy.clear()

    def close(self) -> None:
        """Leave ray."""
        self.dismiss()
        self._connection.close()

    def _gpus_per_actor(self, device: str) -> float:
        gpus, there = self._config.gpus_per_actor, self._ray.cluster_resources()
        return float(device != "cpu" and there.get("GPU", 0) > 0) if gpus is None else gpus

    def _check_room(self, gpus: float, note: Callable[[str], None]) -> None:
        """A cluster may still grow; a ray of the run's own has what this machine has."""
        there = self._ray.cluster_resources()
        for what, each in (("GPU", gpus), ("CPU", 1)):
            if self._count * each <= there.get(what, 0):
                continue
            lack = f"workers={self._count} ray actors want {self._count * each:g} {what}, there are"
            if self._config.address == "local":
                self._connection.close()
                raise UserError(f"{lack} {there.get(what, 0):g}; lower workers or ray.gpus_per_actor")
            note(f"{lack} {there.get(what, 0):g} so far; actors that find no room wait for machines to join")

    def _greet(self, ref: Any) -> None:
        actor = self._starting.pop(ref)
        came = self._get(ref, actor)
        if isinstance(came, str):
            self._failed_starts += 1
            if self._failed_starts == _FAILED_STARTS:
                raise UserError(
                    f"ray started {_FAILED_STARTS} actors in vain, the last one {came}; every machine needs the same "
                    "Python with Treeward installed"
                )
            return
        self._failed_starts = 0
        self._idle.append(actor)

    def _get(self, ref: Any, actor: _Actor) -> Any:
        """The value of a call that has ended; a text if its actor is lost."""
        errors = self._ray.exceptions
        try:
            return self._ray.get(ref)
        except (errors.RayActorError, errors.ObjectLostError) as error:
            self._ray.kill(actor.handle)  # one that only cannot be reached must not go on with the job
            return _how(error)
        except errors.RayTaskError as error:
            cause = error.cause
            raise cause from RuntimeError(f"in a ray actor:\n{error}")

    def _refuse_silence(self) -> None:
        if self._idle or self._busy:
            self._last_sign = time.monotonic()
        elif time.monotonic() - self._last_sign > self._config.timeout_s:
            raise UserError(
                f"no ray actor came up within ray.timeout_s={self._config.timeout_s:g} seconds; others may hold the "
                "cluster's processors or GPUs (ray status tells)"
            )


def _how(error: BaseException) -> str:
    text = str(error)
    if "creation task" in text:
        return f"did not start: {text.strip().splitlines()[-1]}"
    if "low on memory" in text:
        return "was ended because its machine ran low on memory"
    return "could not be reached any more" if "navailable" in type(error).__name__ else "died"
