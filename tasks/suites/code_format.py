r"""The bytes of code steps: what demonstrations show, the step format ``code`` cuts, and verifiers read.

    # cost of 7 pens at 5        a comment that says what the step does
    a = 7*5                      Python; names live on from step to step
    <end_of_step>                STEP_END closes every code step
    # what is left of 50
    print(50-a)
    <end_of_step>
    >>> 15                       the observation: what the step printed, if anything; never the model's own words
    The answer is \boxed{15}     the final step: text alone, ended by the end token (or by STEP_END)

An observation stands only right behind a STEP_END. ``>>> `` is no Python and begins no final step, so a policy that
writes one itself has failed. Whatever judges a solution is given the policy's own words, without observations.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator

from tasks.answers import votes_of
from tasks.problem import Outcome, Problem, Verdict, Verifier

STEP_END = "<end_of_step>\n"
"""Ends a code step: the step format's delimiter."""

OUTPUT_OPEN = ">>> "
"""Stands before each line of an observation."""

OUTPUT_CLOSE = "\n"
"""Stands behind each line of an observation."""

FINAL = "The answer is "
"""What the final step starts with: the step format's final marker. The answer follows in ``\\boxed{}``."""

_LINES = rf"(?:{re.escape(OUTPUT_OPEN)}[^\n]*{OUTPUT_CLOSE})"
_STEP = re.compile(rf".*?{re.escape(STEP_END)}{_LINES}*|.+", re.DOTALL)
_OBSERVED = re.compile(rf"(?<={re.escape(STEP_END)}){_LINES}+")


def observation(stdout: str) -> str:
    """What is appended to a code step that printed ``stdout``; empty if it printed nothing but white space.

    Every line gets its own marks, and the delimiter is taken out, so that no output can pass for a step.
    """
    while STEP_END.strip() in stdout:  # what is left of one may make another
        stdout = stdout.replace(STEP_END.strip(), "")
    lines = stdout.rstrip().splitlines()
    return "".join(f"{OUTPUT_OPEN}{line}{OUTPUT_CLOSE}" for line in lines)


def final_line(answer: str) -> str:
    """The final step of a worked solution, without the end token."""
    return f"{FINAL}\\boxed{{{answer}}}"


def without_observations(solution: str) -> str:
    """The solution's own words."""
    return _OBSERVED.sub("", solution)


def pieces(solution: str) -> Iterator[tuple[str, bool]]:
    """The solution cut at its observations: each piece, and whether it is one. Joined they are the solution."""
    start = 0
    for found in _OBSERVED.finditer(solution):
        yield solution[start : found.start()], False
        yield found[0], True
        start = found.end()
    if start < len(solution):
        yield solution[start:], False


def final_text(own_words: str) -> str:
    r"""The text in which the answer is to be looked for: the final step, empty if there is none.

    A ``\boxed{}`` that code prints, or holds in a string or a comment, is thus no answer.
    """
    last = own_words.removesuffix(STEP_END).rpartition(STEP_END)[2]
    return last if last.startswith(FINAL) else ""


def code_steps(solution: str) -> list[str]:
    """The steps; each but the last holds its STEP_END and its observation. Joined they are the solution."""
    return [step for step in _STEP.findall(solution) if step]


class CodeVerifier:
    """Lets another verifier judge the final step alone; without one the verdict is ``unverifiable``.

    A solution is the policy's own words: a demonstration's observations have to be taken out before.
    """

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier

    def verify(self, problem: Problem, solution: str) -> Verdict:
        final = final_text(solution)
        if not final:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note=f"no final step ({FINAL.strip()} ...)")
        return self._verifier.verify(problem, final)

    def answer_key(self, problem: Problem, solution: str) -> Hashable | None:
        """That of the final step (tasks.problem.KnowsAnswers)."""
        return votes_of(self._verifier, problem)(final_text(solution))
