"""Judges of suite ``logic``: of whole proofs and of their lines."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.problem import Outcome, Problem, Verdict
from tasks.suites.endings import first_false, whole_solution
from tasks.suites.logic_draw import read_logic_problem
from tasks.suites.logic_formula import read_formula
from tasks.suites.propositional import MAX_LINES, Derivation, LineError, check_proof, proof_lines


class LogicVerifier:
    """Correct iff the whole solution is a proof of the goal."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """Reward 1 for a proof, 0 otherwise; a solution without a marked last line is ``unverifiable``."""
        premises, goal = read_logic_problem(problem.prompt)
        proof = whole_solution(solution)
        if proof is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no last line that starts with ####")
        report = check_proof(premises, goal, proof)
        return Verdict(Outcome.CORRECT if report.ok else Outcome.WRONG, float(report.ok), note=report.note)


class LogicOracle:
    """Judges each step by what was stated before it.

    A line is right iff it follows from the premises and the lines before; a formula that does not follow counts as
    stated all the same, so one slip does not make the lines after it wrong. The marked line must state the goal outside
    every box. Nothing follows from a marked line.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label a step. Raises ValueError if the problem is not one of suite ``logic``."""
        premises, goal = read_logic_problem(problem.prompt)
        derivation = Derivation([read_formula(premise) for premise in premises])
        wanted = read_formula(goal)
        labels: list[bool] = []
        ended = False
        for step in steps:
            is_last = step.startswith("####")
            follows = not ended and len(labels) < MAX_LINES and _add(derivation, step.removeprefix("####"))
            labels.append(follows and (not is_last or derivation.conclusion == wanted))
            ended = ended or is_last
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        return first_false(self.step_labels(problem, steps))


def _add(derivation: Derivation, step: str) -> bool:
    lines = proof_lines(step)
    follows = bool(lines)
    for line in lines[:MAX_LINES]:
        try:
            derivation.add(line)
        except LineError:
            follows = False
    return follows
