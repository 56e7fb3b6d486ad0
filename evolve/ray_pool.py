"""Jobs on ray actors: the face of ``evolve.workers.WorkerPool``, on one machine or many.

A job is done by one actor from its beginning to its end, so a tree never moves between engines. An actor that dies
loses its job alone: another one does it again, from nothing, and what a job writes is whole or not there.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from evolve.ray_crew import Answer, Crew
from evolve.worker_process import process_peak_mb
from evolve.workers import Job, OnProgress, Outcome, ignore, ordered
from tasks.errors import UserError

if TYPE_CHECKING:
    from evolve.executor import RayConfig

# A job that ends this many actors is to blame for it.
MOST_LOSSES = 3
_POLL_SECONDS = 0.1


class RayPool:
    """Actors, called up when the first jobs need them."""

    def __init__(
        self, actors: int, config: RayConfig, device: str, folder: Path, note: Callable[[str], None] = lambda _: None
    ) -> None:
        """``folder``: the run folder, with a run.json, seen by all machines. ``note`` hears of each lost actor."""
        self._actors = actors
        self._config = config
        self._device = device
        self._folder = folder.absolute()
        self._note = note
        self._crew: Crew | None = None
        self._peaks_mb: dict[int, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._crew is not None:
            self._crew.close()
            self._crew = None

    def run(
        self, jobs: Sequence[Job], on_progress: OnProgress | None = None, in_order: bool = False
    ) -> Iterator[Outcome]:
        """Do the jobs and yield their outcomes as ``WorkerPool.run`` does.

        A UserError says that no actor can be had, or that a job was lost with ``MOST_LOSSES`` actors.
        """
        outcomes = self._run_on_actors(jobs, on_progress or ignore)
        return ordered(outcomes) if in_order else outcomes

    def peak_memory_mb(self) -> float:
        """The most that this process and its actors together can have held, in MiB: the sum of their peaks."""
        return process_peak_mb() + sum(self._peaks_mb.values())

    def _run_on_actors(self, jobs: Sequence[Job], notify: OnProgress) -> Iterator[Outcome]:
        if not jobs:
            return
        crew = self._crew = self._crew or self._call_crew()
        waiting, losses = deque(range(len(jobs))), Counter[int]()
        done: list[Outcome] = []
        try:
            while waiting or crew.busy:
                crew.call_up(len(waiting) + crew.busy)
                while waiting and crew.has_idle:
                    index = waiting.popleft()
                    crew.give(index, jobs[index])
                yield from done  # the actors are at work meanwhile
                done = []
                for progress in crew.reports():
                    notify(progress)
                for answer in crew.answers(_POLL_SECONDS):
                    if isinstance(answer.came, str):
                        self._lose(jobs[answer.index], answer, losses)
                        waiting.appendleft(answer.index)
                    else:
                        done.append(self._take(jobs[answer.index], answer, notify))
            yield from done
        finally:
            if crew.busy:
                crew.dismiss()

    def _call_crew(self) -> Crew:
        return Crew(self._actors, self._config, self._device, self._folder, self._note)

    def _take(self, job: Job, answer: Answer, notify: OnProgress) -> Outcome:
        returned = answer.came
        assert not isinstance(returned, str), "a lost job has no outcome"
        self._peaks_mb[answer.number] = max(returned.peak_mb, self._peaks_mb.get(answer.number, 0.0))
        if returned.last is not None:
            notify(returned.last)
        return Outcome(answer.index, job.name, returned.value)

    def _lose(self, job: Job, answer: Answer, losses: Counter[int]) -> None:
        losses[answer.index] += 1
        if losses[answer.index] == MOST_LOSSES:
            raise UserError(
                f"{job.name} was lost with {MOST_LOSSES} ray actors one after the other (the last one {answer.came}): "
                "often out of memory; start the same command again to resume"
            )
        self._note(f"{job.name}: the ray actor that did it {answer.came}; another one does it again")
