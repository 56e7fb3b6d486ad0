"""Shortest plans in a grid world, by breadth-first search."""

from __future__ import annotations

from collections import deque

from tasks.suites.plan_simulator import Cell, State, World, successors

MAX_STATES = 200_000
"""States looked at before a search is given up."""


def shortest_plan(world: World, limit: int, start: State | None = None) -> str | None:
    """The first shortest plan, in the order of MOVES, from ``start`` (the world's initial state) to a solved one.

    None if there is none of at most ``limit`` moves. Raises ValueError after MAX_STATES states.
    """
    if limit < 0:
        return None
    first = world.initial if start is None else start
    came: dict[State, tuple[State, str] | None] = {first: None}
    waiting = deque([(first, 0)])
    while waiting:
        state, depth = waiting.popleft()
        if world.solved(state):
            return _way(came, state)
        if depth == limit:
            continue
        for move, after in successors(world, state):
            if after not in came:
                came[after] = (state, move)
                waiting.append((after, depth + 1))
        if len(came) > MAX_STATES:
            raise ValueError(f"the world has more than {MAX_STATES} states within reach")
    return None


def distances(world: World, limit: int) -> dict[Cell, int]:
    """The fewest moves, up to ``limit``, after which the world would be solved were its goal this cell."""
    found: dict[Cell, int] = {}
    seen, layer = {world.initial}, [world.initial]
    for depth in range(limit + 1):
        for state in layer:
            where = state.agent if world.parcel is None else state.parcel
            if where is not None:
                found.setdefault(where, depth)
        reached = dict.fromkeys(after for state in layer for _, after in successors(world, state))
        layer = [state for state in reached if state not in seen]
        seen.update(layer)
    return found


def _way(came: dict[State, tuple[State, str] | None], state: State) -> str:
    moves = []
    while (link := came[state]) is not None:
        state, move = link
        moves.append(move)
    return "".join(reversed(moves))
