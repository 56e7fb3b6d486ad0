from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.suites.plan_simulator import MAX_PLAN, MOVES, read_world, simulate, successors

OPEN = "S..\n.X.\n..G"
DOOR = "S.X\n..+\nk.G"
LOCKED = "SX.\nk+G"
PARCEL = "S.b\nXX.\nG.."
BOTH = "Sk.\n.b+\nXXG"


@pytest.mark.parametrize(
    ("world", "plan", "reached", "steps", "note"),
    [
        (OPEN, "RRDD", True, 4, ""),
        (OPEN, "R R D D", True, 4, ""),
        (OPEN, "DDRR", True, 4, ""),
        (OPEN, "RRD", False, 3, "short of the goal"),
        (OPEN, "RRDDU", False, 5, "short of the goal"),
        (OPEN, "RRDDUD", True, 6, ""),
        (OPEN, "RD", False, 1, "move 2: D runs into a wall"),
        (OPEN, "U", False, 0, "move 1: U runs into a wall"),
        (OPEN, "RDRD", False, 1, "move 2: D runs"),  # nothing after a bad move counts
        (OPEN, "P", False, 0, "P where nothing lies"),
        (OPEN, "Q", False, 0, "Q with nothing in hand"),
        (OPEN, "rrdd", False, 0, "r is no move"),
        (OPEN, "", False, 0, "short"),
        (OPEN, "RRDD\n", False, 4, "is no move"),
        (LOCKED, "DR", False, 1, "closed door"),
        (LOCKED, "DPRR", True, 4, ""),
        (LOCKED, "DPQR", False, 3, "closed door"),
        (LOCKED, "DPRLQRR", True, 7, ""),  # a door that was opened stays open
        (DOOR, "DDPURD", False, 6, "short"),
        (DOOR, "DDPURRD", True, 7, ""),
        (PARCEL, "RRDD", False, 4, "short"),
        (PARCEL, "RRPDDLLQ", True, 8, ""),
        (PARCEL, "RRPDDLL", False, 7, "short"),
        (BOTH, "RPDP", False, 3, "P with something in hand"),
        (BOTH, "RPDQ", False, 3, "Q where something lies"),
        (BOTH, "RPDRLUQDPRDQ", True, 12, ""),
        ("S" + "." * 9 + "G", "R" * (MAX_PLAN + 1), False, 10, "move 11"),
        ("S.G", "RL" * MAX_PLAN, False, MAX_PLAN, "at most 1000 moves"),
    ],
)
def test_known_plans(world, plan, reached, steps, note):
    report = simulate(read_world(world), plan)
    assert (report.reached, report.steps) == (reached, steps)
    assert note in report.note
    assert bool(report.note) is not reached


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1 to 20 cells"),
        ("S" + "." * 20, "1 to 20 cells"),
        ("SG\n" * 21, "1 to 20 cells"),
        ("S.\nG", "same length"),
        ("SG\n..\n.", "same length"),
        ("SS\nG.", "'S' cannot stand in row 1"),
        ("Sg", "'g' cannot stand in row 1 of a world, column 2"),
        ("S.", "a start S and a goal G"),
        (".G", "a start S and a goal G"),
    ],
)
def test_what_is_no_world_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read_world(text)


@st.composite
def worlds(draw):
    width, height = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    cells = draw(st.lists(st.sampled_from("...X+"), min_size=width * height, max_size=width * height))
    places = draw(st.permutations(range(width * height)))
    for mark, place in zip(draw(st.sampled_from(["SG", "SGk", "SGb", "SGkb"])), places, strict=False):
        cells[place] = mark
    return "\n".join("".join(cells[row * width : (row + 1) * width]) for row in range(height))


@given(worlds())
def test_a_world_is_read_back_from_its_text(text):
    assert str(read_world(text)) == text


def independent(text: str, plan: str) -> bool:
    """The rules once more, on a mutable grid."""
    grid = [list(row) for row in text.split("\n")]
    found = {c: (y, x) for y, row in enumerate(grid) for x, c in enumerate(row) if c in "SGkb"}
    y, x = found["S"]
    lying = {mark: found.get(mark) for mark in "kb"}
    hand = None
    for move in plan:
        if move == "P":
            here = [mark for mark in "kb" if lying[mark] == (y, x)]
            if hand or not here:
                return False
            hand = here[0]
            lying[hand] = None
        elif move == "Q":
            if hand is None or (y, x) in lying.values():
                return False
            lying[hand], hand = (y, x), None
        else:
            y, x = y + (move == "D") - (move == "U"), x + (move == "R") - (move == "L")
            if not (0 <= y < len(grid) and 0 <= x < len(grid[0])) or grid[y][x] == "X":
                return False
            if grid[y][x] == "+":
                if hand != "k":
                    return False
                grid[y][x] = "."
    return (lying["b"] if "b" in found else (y, x)) == found["G"]


@settings(max_examples=150)
@given(worlds(), st.data())
def test_plans_come_to_what_an_independent_run_says(text, data):
    world = read_world(text)
    state, plan = world.initial, ""
    for _ in range(data.draw(st.integers(0, 14))):
        options = list(successors(world, state))
        if not options:
            break
        move, state = data.draw(st.sampled_from(options))
        plan += move
        assert simulate(world, plan).reached == independent(text, plan) == world.solved(state)
    plan += data.draw(st.text(alphabet=MOVES, max_size=3))
    assert simulate(world, plan).reached == independent(text, plan)
