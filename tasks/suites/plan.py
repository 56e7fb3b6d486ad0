"""Suite ``plan``: find a way through a small grid world (tasks.suites.plan_simulator), past walls and a locked door.

    S.X 9        the world; behind its first row, the most moves that a plan may have
    ..+
    k.G
    D 10         one line a move: what it is, and the row and column where the agent is then
    D 20
    P 20
    U 10
    R 11
    R 12
    #### DDPURRD  the plan; the last move needs no line of its own

Any plan of at most so many moves that reaches the goal is right; ``Problem.answer`` is a shortest one. A misconceived
fact is a move out of a cell (``R`` out of 11) that a demonstration believes to lead to another neighbour of that cell,
if one is free; it plans on from there, and its plan goes wrong in the world.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tasks.errors import UserError
from tasks.problem import Problem, StepOracle, Verifier
from tasks.suites.plan_problem import PlanProblem
from tasks.suites.plan_search import distances, shortest_plan
from tasks.suites.plan_simulator import STEPS, Cell, World, moved
from tasks.suites.plan_verifier import PlanOracle, PlanVerifier
from tasks.suites.procedural import ProceduralConfig, ProceduralTask, chosen_facts

Fact = tuple[str, int, int]
"""A move and the cell it starts from: ``("R", row, column)``."""

_MAX_SIDE = 8  # larger worlds have plans that no small model learns, and parcels make searches long
_MAX_DRAWS = 5_000


@dataclass
class PlanConfig(ProceduralConfig):
    """Which worlds there are, and what the demonstrations get wrong."""

    name: str = "plan"  # the task's name: the first part of every problem id
    width: int = 4  # cells of a row; 2 to 8
    height: int = 4  # rows; 2 to 8
    walls: float = 0.25  # share of the cells that are walls
    door_rate: float = 0.3  # share of worlds with a door and its key
    parcel_rate: float = 0.0  # share of worlds whose parcel is to be brought to the goal
    min_moves: int = 3  # moves of the shortest plan of the easiest world
    max_moves: int = 6  # of the hardest one
    spare: int = 2  # moves that a plan may have more than the shortest one


class PlanTask(ProceduralTask[PlanProblem]):
    """Draws worlds by seed, each with a way to its goal."""

    suite = "plan"

    def __init__(self, config: PlanConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self.verifier: Verifier = PlanVerifier()
        self.oracle: StepOracle | None = PlanOracle()
        self._wrong_moves = misconceptions(config, self.stream("misconceptions"))

    def draw(self, rng: np.random.Generator) -> PlanProblem:
        length = int(rng.integers(self.config.min_moves, self.config.max_moves + 1))
        for _ in range(_MAX_DRAWS):
            world = _world(self.config, rng)
            goals = [
                cell
                for cell, moves in distances(world, length).items()
                if moves == length and world.cell(cell) == "." and cell not in (world.start, world.key, world.parcel)
            ]
            if goals:
                goal = goals[int(rng.integers(len(goals)))]
                return PlanProblem(replace(world, goal=goal), length + self.config.spare)
        raise UserError(f"{self.wider()} leave no world whose shortest plan has {length} moves; mend them")

    def solution(self, item: PlanProblem, rng: np.random.Generator) -> str:
        state, lines, plan = item.world.initial, [], ""
        while len(plan) < item.limit and (rest := shortest_plan(item.world, item.limit, state)):
            believed = moved(item.world, state, rest[0])
            wrong = self._wrong_moves.get((rest[0], *state.agent))
            if wrong is not None and item.world.cell(wrong) == "." and rng.random() < self.config.misconception_rate:
                believed = state._replace(agent=wrong)
            state, plan = believed, plan + rest[0]
            lines.append(f"{rest[0]} {state.agent[0]}{state.agent[1]}")
        return "\n".join([*lines[:-1], f"#### {plan}"])

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        plan = problem.answer
        yield "cut short", self.stated(plan[:-1])
        yield "into a wall", self.stated("U" * 9 + plan)
        yield "too long", self.stated(plan + "UD" * 99)
        yield "small letters", self.stated(plan.lower())
        yield "hedged", self.stated(f"{plan} or {plan}")
        yield "two answers", f"{self.stated(plan)}\n{self.stated(plan[:-1])}"
        yield "empty", self.stated("")

    def wider(self) -> str:
        c = self.config
        return f"task.width={c.width}, task.height={c.height} and task.max_moves={c.max_moves}"


def misconceptions(config: PlanConfig, rng: np.random.Generator) -> dict[Fact, Cell]:
    """The misconceived moves, and the one wrong cell that each is believed to lead to."""
    facts = [(move, row, column) for move in STEPS for row in range(config.height) for column in range(config.width)]
    found = {}
    for fact, number in chosen_facts(rng, facts, config.misconceived_facts, 3).items():
        move, row, column = fact
        down, right = STEPS[[other for other in STEPS if other != move][number - 1]]
        found[fact] = (row + down, column + right)
    return found


def _world(config: PlanConfig, rng: np.random.Generator) -> World:
    """A world whose goal is still to be chosen."""
    cells = config.width * config.height
    has_door, has_parcel = rng.random() < config.door_rate, rng.random() < config.parcel_rate
    walls = round(config.walls * cells)
    order = [(index // config.width, index % config.width) for index in rng.permutation(cells).tolist()]
    start, key, parcel, door, *others = order
    marks = dict.fromkeys(others[:walls], "X") | ({door: "+"} if has_door else {})
    rows = tuple("".join(marks.get((y, x), ".") for x in range(config.width)) for y in range(config.height))
    return World(rows, start, start, key if has_door else None, parcel if has_parcel else None)


def _check(config: PlanConfig) -> None:
    for option in ("width", "height"):
        if not 2 <= getattr(config, option) <= _MAX_SIDE:
            raise UserError(f"task.{option} must lie in 2..{_MAX_SIDE}, got {getattr(config, option)}")
    if config.width * config.height < 6:
        raise UserError(f"a world needs 6 cells, got task.width={config.width} and task.height={config.height}")
    for option in ("walls", "door_rate", "parcel_rate"):
        if not 0.0 <= getattr(config, option) <= 1.0:
            raise UserError(f"task.{option} is a share and must lie in 0..1, got {getattr(config, option)}")
    if not 1 <= config.min_moves <= config.max_moves <= 99:
        raise UserError(
            "task.min_moves must be at least 1 and at most task.max_moves, which is at most 99,"
            f" got min_moves={config.min_moves} and max_moves={config.max_moves}"
        )
    if not 0 <= config.spare <= 99:
        raise UserError(f"task.spare must lie in 0..99, got {config.spare}")
