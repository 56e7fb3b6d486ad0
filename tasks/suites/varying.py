"""New problems from old ones: a suite that reads its problems changes one thing, and works the answer out anew."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from tasks.problem import VARIED_FROM, Problem, Split
from tasks.splits import content_hash, split_of
from tasks.suites.procedural import ItemT, ProceduralTask

_TRIES = 100  # a split of 80 % refuses one draw in five


class VaryingTask(ProceduralTask[ItemT]):
    """A suite whose problems can be varied."""

    @abstractmethod
    def read(self, prompt: str) -> ItemT:
        """The inverse of an item's ``prompt``. Raises ValueError for a text of another form."""

    @abstractmethod
    def varied(self, item: ItemT, rng: np.random.Generator) -> ItemT | None:
        """The item with one thing changed, its answer its own; None where the change cannot be."""

    def vary(self, problem: Problem, rng: np.random.Generator) -> Problem | None:
        """A problem like this one, of the train split by its own text; None if none was found in 100 tries."""
        item = self.read(problem.prompt)
        for _ in range(_TRIES):
            found = self.varied(item, rng)
            if found is not None and found.prompt != problem.prompt and split_of(found.prompt) is Split.TRAIN:
                name, meta = (
                    f"{problem.id}~{content_hash(found.prompt)}",
                    {"level": found.level, VARIED_FROM: problem.id},
                )
                return Problem(name, found.prompt, found.answer, meta)
        return None
