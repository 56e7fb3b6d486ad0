"""Judges of suite ``program``: hidden tests in the sandbox, and what single lines do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from tasks.problem import Outcome, Problem, Verdict
from tasks.sandbox.execution import ExecutionOutcome, Sandbox
from tasks.suites.endings import first_false, whole_solution
from tasks.suites.program_lines import LineError, run_line
from tasks.suites.program_operations import Call, Value
from tasks.suites.program_specification import Specification, read_specification

# Runs behind the program, in its namespace. It knows inputs only: what is expected never enters the sandbox, so a
# program can print what it likes and still has to come up with the right values.
_TESTS = """
import contextlib, io, json
__found = []
for __input in json.loads({inputs!r}):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            __found.append(repr(f(__input))[:1000])
    except BaseException as __error:
        __found.append(type(__error).__name__)
print()
print(json.dumps(__found))
"""


class ProgramVerifier:
    """Reward: the share of the hidden tests that the program passes. Correct iff it passes all.

    ``sandbox`` is asked for at the first program, so a task that judges nothing needs none.
    """

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        self._sandbox = sandbox

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """Raises UserError if no sandbox can be had; a solution without a marked last line is ``unverifiable``."""
        specification = read_specification(problem.prompt)
        body = whole_solution(solution)
        if body is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no last line that starts with ####")
        inputs = specification.hidden_inputs()
        # Whatever breaks out of the function's body is still in the sandbox, and gains nothing.
        program = "def f(x):\n" + "\n".join(f" {line}" for line in body.split("\n"))
        done = self._sandbox().run([program, _TESTS.format(inputs=json.dumps(inputs))])
        if done.outcome is not ExecutionOutcome.OK:
            ending = done.stderr.strip().rpartition("\n")[2][:200]
            return Verdict(Outcome.WRONG, 0.0, {"tests": 0.0}, f"the program ended with {done.outcome}: {ending}")
        wanted = [repr(specification.apply(value)) for value in inputs]
        found = _results(done.stdout, len(inputs))
        share = sum(a == b for a, b in zip(found, wanted, strict=True)) / len(wanted)
        note = next(
            (f"f({i!r}) is {w}, got {r:.80}" for i, r, w in zip(inputs, found, wanted, strict=True) if r != w), ""
        )
        return Verdict(Outcome.CORRECT if share == 1 else Outcome.WRONG, share, {"tests": share}, note)


def _results(stdout: str, count: int) -> list[str]:
    try:
        found = json.loads(stdout.strip().rpartition("\n")[2])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != count or not all(isinstance(one, str) for one in found):
        return ["nothing"] * count
    return found


class ProgramOracle:
    """Judges each line by what was stated before it, on the specification's inputs.

    ``x=...`` is right iff it makes of every value of ``x`` what the next operation makes of it (or the next few
    together); ``return ...`` iff it returns what all operations left to do come to. Lines that ``program_lines`` cannot
    run are wrong even where Python could, and nothing follows from them, nor from the marked line.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label a step. Raises ValueError if the problem is not one of suite ``program``."""
        run = _Run(read_specification(problem.prompt))
        labels = []
        for step in steps:
            is_last = step.startswith("####")
            line = step.removesuffix("\n").removeprefix("####")
            parts = [part for part in line.split(";") if part.strip()]
            right = [run.add(part) for part in parts]
            labels.append(bool(right) and all(right) and run.returned == is_last)
            run.is_lost = run.is_lost or is_last
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        return first_false(self.step_labels(problem, steps))


class _Run:
    """The lines so far, run on all inputs at once."""

    def __init__(self, specification: Specification) -> None:
        self._values = [*specification.visible_inputs(), *specification.hidden_inputs()]
        self._left: tuple[Call, ...] = specification.calls
        self.is_lost = False  # nothing follows any more
        self.returned = False

    def add(self, line: str) -> bool:
        if self.is_lost or self.returned:
            return False
        try:
            ran = [run_line(line, value) for value in self._values]
        except LineError:
            self.is_lost = True
            return False
        after = [value for _, value in ran]
        if ran[0][0]:
            self.returned = True
            return _composed(self._left, self._values) == after
        done = next((n for n in range(1, len(self._left) + 1) if _composed(self._left[:n], self._values) == after), 0)
        self._values, self._left = after, self._left[done or 1 :]
        return done > 0


def _composed(calls: Sequence[Call], values: Sequence[Value]) -> list[Value] | None:
    """What the operations make of the values, None if they do not take them."""
    found = list(values)
    try:
        for call in calls:
            found = [call.apply(value) for value in found]
    except TypeError:
        return None
    return found
