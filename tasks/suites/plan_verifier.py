"""Judges of suite ``plan``: of whole plans and of their moves."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.answers import read_final_answer
from tasks.problem import Outcome, Problem, Verdict
from tasks.suites.endings import first_false
from tasks.suites.plan_problem import PlanProblem, read_plan_problem
from tasks.suites.plan_search import shortest_plan
from tasks.suites.plan_simulator import MoveError, State, moved, simulate


class PlanVerifier:
    """Correct iff the final line's plan solves the world within the limit."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        posed = read_plan_problem(problem.prompt)
        plan = read_final_answer(solution)
        if plan is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no final line, #### and the plan")
        if len(plan) > posed.limit:
            return Verdict(Outcome.WRONG, 0.0, note=f"more than {posed.limit} moves")
        report = simulate(posed.world, plan)
        return Verdict(Outcome.CORRECT if report.reached else Outcome.WRONG, float(report.reached), note=report.note)


class PlanOracle:
    """Judges each step by what was stated before it.

    A move is right iff it can be made where the agent was said to be, its line says where it leads, and the goal can
    still be reached within the limit. A line that misplaces the agent is wrong, and the next one starts from where it
    put the agent. The final line is right iff it begins with the moves stated so far, and the rest of it leads to the
    goal within the limit. Nothing follows from a malformed line or from a final one.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label a step. Raises ValueError if the problem is not one of suite ``plan``."""
        posed = read_plan_problem(problem.prompt)
        state: State | None = posed.world.initial
        labels, plan = [], ""
        for step in steps:
            line = step.removesuffix("\n")
            if line.startswith("####"):
                labels.append(state is not None and _ends_well(posed, state, plan, line))
                state = None
            elif state is None:
                labels.append(False)
            else:
                is_right, state = _judge(posed, state, line, len(plan) + 1)
                plan += line[:1]
                labels.append(is_right)
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        return first_false(self.step_labels(problem, steps))


def _judge(posed: PlanProblem, state: State, line: str, made: int) -> tuple[bool, State | None]:
    move, space, place = line[:1], line[1:2], line[2:]
    if space != " " or not (len(place) == 2 and place.isascii() and place.isdigit()):
        return False, None
    at = (int(place[0]), int(place[1]))
    try:
        after = moved(posed.world, state, move)
    except MoveError:
        after = None
    if after is not None and after.agent == at:
        return shortest_plan(posed.world, posed.limit - made, after) is not None, after
    return False, (state if after is None else after)._replace(agent=at) if posed.world.cell(at) != "X" else None


def _ends_well(posed: PlanProblem, state: State, made: str, line: str) -> bool:
    plan = read_final_answer(line)
    if plan is None or not plan.startswith(made) or len(plan) > posed.limit:
        return False
    try:
        for move in plan[len(made) :]:
            state = moved(posed.world, state, move)
    except MoveError:
        return False
    return posed.world.solved(state)
