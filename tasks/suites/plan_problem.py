"""Problems of suite ``plan``: how one is written and read."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.suites.plan_search import shortest_plan
from tasks.suites.plan_simulator import World, read_world


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """A world and the most moves that its plan may have."""

    world: World
    limit: int

    @property
    def prompt(self) -> str:
        first, *rest = str(self.world).split("\n")
        return "\n".join([f"{first} {self.limit}", *rest, ""])

    @property
    def answer(self) -> str:
        found = shortest_plan(self.world, self.limit)
        assert found is not None, self.world
        return found

    @property
    def level(self) -> int:
        return len(self.answer)


def read_plan_problem(prompt: str) -> PlanProblem:
    """The inverse of ``PlanProblem.prompt``. Raises ValueError for a text of another form."""
    first, _, rest = prompt.partition("\n")
    row, _, limit = first.rpartition(" ")
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 4 and prompt.endswith("\n")):
        raise ValueError(f"not a plan problem: {prompt!r}")
    return PlanProblem(read_world(f"{row}\n{rest}"), int(limit))
