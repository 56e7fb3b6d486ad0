"""A deterministic grid world: walls, a door and its key, a parcel; and what a plan comes to in it.

    S.X       . floor   X wall   S where the agent starts   G the goal
    ..+       + a door: it can be entered with the key in hand and is open ever after
    k.G       k the key   b a parcel: a world that has one is solved when the parcel lies on the goal,
              any other when the agent stands there

A plan is moves: ``U D L R`` one cell up, down, left, right; ``P`` picks up what lies here; ``Q`` puts down what is
carried. One thing can be carried, and one thing can lie on a cell. A move that cannot be made (into a wall or over the
edge, through a door without its key, picking up nothing) ends the plan: nothing after it counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

MAX_SIDE = 20
"""Longest side of a world, in cells."""

MAX_PLAN = 1000
"""Longest plan that is run, in moves."""

MOVES = "UDLRPQ"
STEPS = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}

Cell = tuple[int, int]
"""Row and column, from 0 at the top left."""


class State(NamedTuple):
    """What moves change. ``carried`` is ``k``, ``b`` or empty; a thing that is carried or not there lies nowhere."""

    agent: Cell
    carried: str
    key: Cell | None
    parcel: Cell | None
    opened: frozenset[Cell] = frozenset()


@dataclass(frozen=True, slots=True)
class World:
    """A rectangle of cells (``.``, ``X`` and ``+``), where things start, and the goal."""

    rows: tuple[str, ...]
    start: Cell
    goal: Cell
    key: Cell | None = None
    parcel: Cell | None = None

    def __str__(self) -> str:
        marks = {self.start: "S", self.goal: "G", self.key: "k", self.parcel: "b"}
        return "\n".join(
            "".join(marks.get((y, x), cell) for x, cell in enumerate(row)) for y, row in enumerate(self.rows)
        )

    @property
    def initial(self) -> State:
        """Where everything is before the first move."""
        return State(self.start, "", self.key, self.parcel)

    def cell(self, at: Cell) -> str:
        """``.``, ``X`` or ``+``; beyond the edge there is wall."""
        row, column = at
        inside = 0 <= row < len(self.rows) and 0 <= column < len(self.rows[0])
        return self.rows[row][column] if inside else "X"

    def solved(self, state: State) -> bool:
        """Is the parcel (without one: the agent) at the goal?"""
        return (state.agent if self.parcel is None else state.parcel) == self.goal


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """``reached``: the whole plan could be made and solved the world. ``steps``: moves made until then."""

    reached: bool
    steps: int
    note: str = ""


class MoveError(ValueError):
    """A move that cannot be made."""


def read_world(text: str) -> World:
    """The inverse of ``str(World)``. Raises ValueError for a text that is no world."""
    rows = text.strip("\n").split("\n")
    if not 1 <= len(rows) <= MAX_SIDE or not 1 <= len(rows[0]) <= MAX_SIDE:
        raise ValueError(f"a world's sides have 1 to {MAX_SIDE} cells")
    if any(len(row) != len(rows[0]) for row in rows):
        raise ValueError("all rows of a world have the same length")
    things: dict[str, Cell] = {}
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if cell not in ".X+SGkb" or cell in things:
                raise ValueError(f"{cell!r} cannot stand in row {y + 1} of a world, column {x + 1}")
            if cell not in ".X+":
                things[cell] = (y, x)
    if "S" not in things or "G" not in things:
        raise ValueError("a world has a start S and a goal G")
    plain = tuple("".join("." if cell in things else cell for cell in row) for row in rows)
    return World(plain, things["S"], things["G"], things.get("k"), things.get("b"))


def moved(world: World, state: State, move: str) -> State:
    """The state after one move. Raises MoveError for one that cannot be made."""
    after = _after(world, state, move)
    if isinstance(after, str):
        raise MoveError(f"{move} {after}")
    return after


def successors(world: World, state: State) -> Iterator[tuple[str, State]]:
    """Every move that can be made, with the state after it, in the order of MOVES."""
    for move in MOVES:
        after = _after(world, state, move)
        if not isinstance(after, str):
            yield move, after


def simulate(world: World, plan: str) -> SimulationReport:
    """Run a plan from the world's initial state; spaces in it do not count. At most MAX_PLAN moves are run."""
    state = world.initial
    moves = plan.replace(" ", "")
    for index, move in enumerate(moves[:MAX_PLAN]):
        try:
            state = moved(world, state, move)
        except MoveError as error:
            return SimulationReport(False, index, f"move {index + 1}: {error}")
    if len(moves) > MAX_PLAN:
        return SimulationReport(False, MAX_PLAN, f"a plan has at most {MAX_PLAN} moves, this one {len(moves)}")
    reached = world.solved(state)
    return SimulationReport(reached, len(moves), "" if reached else "the plan ends short of the goal")


def _after(world: World, state: State, move: str) -> State | str:
    """The state after a move, or why it cannot be made: searches try many that cannot."""
    if move in STEPS:
        return _walked(world, state, move)
    if move == "P":
        return _picked_up(state)
    return _put_down(state) if move == "Q" else "is no move"


def _walked(world: World, state: State, move: str) -> State | str:
    (row, column), carried, key, parcel, opened = state
    down, right = STEPS[move]
    to = (row + down, column + right)
    cell = world.cell(to)
    if cell == "X":
        return "runs into a wall"
    if cell == "+" and to not in opened:
        if carried != "k":
            return "runs into a closed door, without its key"
        opened |= {to}
    return State(to, carried, key, parcel, opened)


def _picked_up(state: State) -> State | str:
    agent, carried, key, parcel, opened = state
    if carried:
        return "with something in hand"
    if agent == key:
        return State(agent, "k", None, parcel, opened)
    return State(agent, "b", key, None, opened) if agent == parcel else "where nothing lies"


def _put_down(state: State) -> State | str:
    agent, carried, key, parcel, opened = state
    if not carried:
        return "with nothing in hand"
    if agent in (key, parcel):
        return "where something lies"
    return State(agent, "", agent, parcel, opened) if carried == "k" else State(agent, "", key, agent, opened)
