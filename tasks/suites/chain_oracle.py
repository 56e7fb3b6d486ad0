"""The exact step oracle of suite ``chain``. For evaluation only: nothing that it says may reach training."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tasks.problem import Problem
from tasks.suites.chain_arithmetic import Chain, apply, read_chain

# At most six digits: more than any value that a modulus of 100 can lead to, and never a number that is slow to read.
_VALUE = r"(0|[1-9][0-9]{0,5})"
_STEP = re.compile(rf"{_VALUE}([-+*]){_VALUE}={_VALUE}")
_ANSWER = re.compile(rf"#### {_VALUE}")


class ChainOracle:
    """Judges each step by what was stated before it, so one slip does not make the steps after it wrong.

    Step i is right iff it is exactly well formed, applies the problem's i-th operation to the value stated by the
    step before (the start value for the first) and states the right result. The answer line is right iff all
    operations have been done and it repeats the value stated last. Nothing follows from a malformed step or from an
    answer line. One newline at the end of a step is ignored.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label for each step there is; a solution that stops early has no label for what it lacks.

        Raises ValueError if the problem is not one of suite ``chain``.
        """
        chain = read_chain(problem.prompt)
        stated: int | None = chain.start
        labels = []
        for index, step in enumerate(steps):
            is_right, stated = _judge(chain, index, stated, step.removesuffix("\n"))
            labels.append(is_right)
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        labels = self.step_labels(problem, steps)
        return -1 if all(labels) else labels.index(False)


def _judge(chain: Chain, index: int, stated: int | None, step: str) -> tuple[bool, int | None]:
    """Is the step right, and which value does the next one start from (None: from none)?"""
    answer = _ANSWER.fullmatch(step)
    if answer is not None:
        return index == len(chain.operations) and int(answer[1]) == stated, None
    found = _STEP.fullmatch(step)
    if found is None:
        return False, None
    left, operator, right, result = int(found[1]), found[2], int(found[3]), int(found[4])
    follows = index < len(chain.operations) and (operator, right) == chain.operations[index] and left == stated
    return follows and result == apply(operator, left, right, chain.modulus), result
