from __future__ import annotations

from itertools import product

import pytest

from tasks.problem import Outcome, Problem, Split
from tasks.suites.plan import PlanConfig, PlanTask, misconceptions
from tasks.suites.plan_problem import read_plan_problem
from tasks.suites.plan_search import distances, shortest_plan
from tasks.suites.plan_simulator import MOVES, read_world, simulate
from tasks.suites.plan_verifier import PlanOracle, PlanVerifier

PROBLEM = Problem("x", "S.X 9\n..+\nk.G\n", "DDRR")
CORRIDOR = Problem("x", "S..G 3\n", "RRR")


def shortest_by_enumeration(world, limit: int) -> str | None:
    """The first of all texts of moves, the short ones first, that the simulator accepts."""
    for length in range(limit + 1):
        for moves in product(MOVES, repeat=length):
            if simulate(world, "".join(moves)).reached:
                return "".join(moves)
    return None


def test_answers_are_the_first_shortest_plans():
    config = PlanConfig(width=3, height=3, min_moves=2, max_moves=5, door_rate=0.5, parcel_rate=0.4)
    for problem in PlanTask(config).problems(Split.TRAIN, 25):
        posed = read_plan_problem(problem.prompt)
        assert problem.answer == shortest_by_enumeration(posed.world, 5)
        assert posed.limit == len(problem.answer) + config.spare == problem.meta["level"] + config.spare


def test_doors_and_parcels_are_part_of_plans():
    config = PlanConfig(door_rate=1.0, parcel_rate=0.5, walls=0.4, min_moves=6, max_moves=9)
    plans = "".join(problem.answer for problem in PlanTask(config).problems(Split.TRAIN, 60))
    assert {"P", "Q"} <= set(plans)
    assert "P" not in "".join(p.answer for p in PlanTask(PlanConfig(door_rate=0.0)).problems(Split.TRAIN, 60))


def test_a_search_has_a_limit():
    world = read_world("SX.\nk+G")
    assert shortest_plan(world, 4) == "DPRR"
    assert shortest_plan(world, 3) is None
    assert shortest_plan(world, -1) is None
    assert shortest_plan(read_world("SXG"), 99) is None
    assert distances(read_world("S..\nXXG"), 2) == {(0, 0): 0, (0, 1): 1, (0, 2): 2}


@pytest.mark.parametrize(
    ("problem", "steps", "labels"),
    [
        (PROBLEM, ["D 10", "D 20", "R 21", "#### DDRR"], [True] * 4),
        (PROBLEM, ["D 10\n", "#### DRDR\n"], [True, True]),
        (PROBLEM, [], []),
        (PROBLEM, ["#### DDRR"], [True]),
        (PROBLEM, ["U 00", "D 10", "#### UDDRR"], [False, True, True]),  # a wall, and nothing moves
        (PROBLEM, ["D 20", "R 21", "#### DRR"], [False, True, True]),  # misplaced; right from there on
        (PROBLEM, ["D 10", "#### RDDR"], [True, False]),  # other moves than those stated
        (PROBLEM, ["D 10", "#### DD"], [True, False]),
        (PROBLEM, ["D 10", "#### DDRR", "R 11"], [True, True, False]),
        (PROBLEM, ["D 02", "#### DR"], [False, False]),  # into a wall: nothing follows
        (PROBLEM, ["D 1 0", "D 20"], [False, False]),
        (PROBLEM, ["down", "D 20"], [False, False]),
        (PROBLEM, ["P 00"], [False]),
        (PROBLEM, ["D 10", "D 20", "P 20", "R 21"], [True] * 4),
        (CORRIDOR, ["R 01", "L 00", "R 01"], [True, False, False]),  # too few moves are left
    ],
)
def test_known_labels(problem, steps, labels):
    assert PlanOracle().step_labels(problem, steps) == labels
    assert PlanOracle().first_error(problem, steps) == (labels.index(False) if False in labels else -1)


@pytest.mark.parametrize(
    ("solution", "outcome"),
    [
        ("#### DDRR", Outcome.CORRECT),
        ("D 10\nnonsense\n#### DRDR", Outcome.CORRECT),
        ("#### DDPURRD", Outcome.CORRECT),
        ("#### UDDRR", Outcome.WRONG),
        ("#### DDR", Outcome.WRONG),
        ("#### DUDUDUDDRR", Outcome.WRONG),  # ten moves
        ("DDRR", Outcome.UNVERIFIABLE),
        ("#### DDRR\n#### DDR", Outcome.WRONG),  # what is stated last counts
    ],
)
def test_known_verdicts(solution, outcome):
    assert PlanVerifier().verify(PROBLEM, solution).outcome is outcome


def test_demonstrations_err_in_misconceived_moves_alone():
    config = PlanConfig(seed=3)
    task = PlanTask(config)
    wrong = misconceptions(config, task.stream("misconceptions"))
    assert len(wrong) == round(0.25 * 4 * 16)
    slips = 0
    for shown in task.demonstrations(300):
        posed = read_plan_problem(shown.problem.prompt)
        at = posed.world.start
        steps = shown.solution.split("\n")
        for line, label in zip(steps[:-1], task.oracle.step_labels(shown.problem, steps)[:-1], strict=True):
            to = (int(line[2]), int(line[3]))
            if not label and to == wrong.get((line[0], *at)):
                slips += 1
            at = to
    assert slips > 30
    flawless = PlanTask(PlanConfig(seed=3, misconception_rate=0.0))
    assert all(
        flawless.oracle.first_error(d.problem, d.solution.split("\n")) == -1 for d in flawless.demonstrations(50)
    )


@pytest.mark.parametrize("prompt", ["", "SG\n", "SG x\n", "SG 3", "SG -3\n", "SG 3\nX\n", "S 3\n"])
def test_another_text_is_no_plan_problem(prompt):
    with pytest.raises(ValueError, match=r"not a plan problem|world"):
        read_plan_problem(prompt)
