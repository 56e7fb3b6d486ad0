"""Suite ``rewrite``: rewrite a short text so that it follows instructions, and keep what it says.

    The red fox, very shy, met a hen.         the prompt: a text,
    no comma; end ok; capitals                and what its rewriting must follow
    The red fox very shy met a hen.           a line for each instruction but the last: the text that follows it too
    The red fox very shy met a hen. ok
    #### THE RED FOX VERY SHY MET A HEN. OK   the rewriting

Instructions are constraints of IFEval, judged strictly by ``tasks.suites.instructions``. Content is kept if the text's
nouns, qualities and verbs all occur as words, in their order, with at most EXTRA_WORDS words more than the text has.
Any such rewriting is right; ``Problem.answer`` is one. A misconceived fact is a kind of instruction and the text's
first noun: a demonstration forgets that instruction for such a text, or loses the noun over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.answers import read_final_answer
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, StepOracle, Verdict, Verifier
from tasks.suites.endings import first_false
from tasks.suites.procedural import ProceduralConfig, ProceduralTask, chosen_facts
from tasks.suites.rewrite_constraints import KINDS, Constraint
from tasks.suites.rewrite_text import (
    MAX_REWRITING,
    NOUNS,
    RewriteProblem,
    content,
    draw_constraint,
    draw_text,
    is_brief,
    keeps_content,
    read_rewrite_problem,
)


@dataclass
class RewriteConfig(ProceduralConfig):
    """How many instructions a text comes with."""

    name: str = "rewrite"  # the task's name: the first part of every problem id
    min_constraints: int = 1  # instructions of the easiest problem
    max_constraints: int = 3  # of the hardest one, at most 6; numbers between are equally likely


class RewriteVerifier:
    """Correct iff the final line keeps the content and follows all constraints. ``parts`` has the truth about each."""

    def verify(self, problem: Problem, solution: str) -> Verdict:
        """Reward 1 or 0: content that is lost for the sake of constraints must not pay."""
        posed = read_rewrite_problem(problem.prompt)
        text = read_final_answer(solution)
        if text is None:
            return Verdict(Outcome.UNVERIFIABLE, 0.0, note="no final line, #### and the rewriting")
        kept = is_brief(text, posed.text) and keeps_content(text, posed.text)
        parts = {str(one): float(kept and one.holds(text)) for one in posed.constraints} | {"content": float(kept)}
        broken = [name for name, value in parts.items() if not value]
        if broken:
            return Verdict(Outcome.WRONG, 0.0, parts, f"does not hold: {', '.join(broken if kept else ['content'])}")
        return Verdict(Outcome.CORRECT, 1.0, parts)


class RewriteOracle:
    """Judges each step by what was stated before it.

    The n-th line is right iff it follows the n-th constraint, breaks none of the earlier ones that the line before
    followed, keeps the content that the line before had, and is not too long. The marked line, which may come early,
    follows all constraints that are left; nothing follows from it.
    """

    def step_labels(self, problem: Problem, steps: Sequence[str]) -> list[bool]:
        """One label a step. Raises ValueError if the problem is not one of suite ``rewrite``."""
        posed = read_rewrite_problem(problem.prompt)
        before, labels, ended = posed.text, list[bool](), False
        for index, step in enumerate(steps):
            is_last = step.startswith("####")
            text = step.removesuffix("\n").removeprefix("####").strip()
            due = posed.constraints[index:] if is_last else posed.constraints[index : index + 1]
            labels.append(not ended and bool(due or is_last) and _follows(posed, before, text, index, due))
            before, ended = text, ended or is_last
        return labels

    def first_error(self, problem: Problem, steps: Sequence[str]) -> int:
        """Index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
        return first_false(self.step_labels(problem, steps))


def _follows(posed: RewriteProblem, before: str, text: str, index: int, due: Sequence[Constraint]) -> bool:
    if not is_brief(text, posed.text) or not keeps_content(text, before):
        return False
    met = [one for one in posed.constraints[:index] if len(before) <= MAX_REWRITING and one.holds(before)]
    return all(one.holds(text) for one in (*met, *due))


class RewriteTask(ProceduralTask[RewriteProblem]):
    """Draws texts and instructions by seed."""

    suite = "rewrite"

    def __init__(self, config: RewriteConfig) -> None:
        super().__init__(config)
        if not 1 <= config.min_constraints <= config.max_constraints <= 6:
            raise UserError(
                "task.min_constraints must be at least 1 and at most task.max_constraints, which is at most 6,"
                f" got min_constraints={config.min_constraints} and max_constraints={config.max_constraints}"
            )
        self.config = config
        self.verifier: Verifier = RewriteVerifier()
        self.oracle: StepOracle | None = RewriteOracle()
        facts = [(kind, noun) for kind in KINDS for noun in NOUNS]
        self._mistakes = chosen_facts(self.stream("misconceptions"), facts, config.misconceived_facts, 2)

    def draw(self, rng: np.random.Generator) -> RewriteProblem:
        count = int(rng.integers(self.config.min_constraints, self.config.max_constraints + 1))
        text, filler = draw_text(rng)
        order = rng.permutation(len(KINDS)).tolist()
        if KINDS.index("small") in order[:count]:  # nothing is both in small letters and in capitals
            order.remove(KINDS.index("capitals"))
        kinds = [KINDS[index] for index in sorted(order[:count])]
        return RewriteProblem(text, tuple(draw_constraint(kind, text, filler, rng) for kind in kinds))

    def solution(self, item: RewriteProblem, rng: np.random.Generator) -> str:
        text, lines = item.text, []
        noun = next(word for word in content(text) if word in NOUNS)
        for constraint in item.constraints:
            mistake = self._mistakes.get((constraint.kind, noun), 0)
            if mistake and rng.random() < self.config.misconception_rate:
                text = text if mistake == 1 else re.sub(rf" {noun}\b", "", constraint.meet(text), count=1, flags=re.I)
            else:
                text = constraint.meet(text)
            lines.append(text)
        return "\n".join([*lines[:-1], f"#### {text}"])

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        posed = read_rewrite_problem(problem.prompt)
        yield "as it was", self.stated(posed.text)
        for word in content(posed.text):
            yield "a word left out", self.stated(re.sub(rf"\b{word}\b", "", problem.answer, flags=re.I))
        yield "backwards", self.stated(" ".join(reversed(problem.answer.split())))
        yield "the instructions", self.stated("; ".join(map(str, posed.constraints)))
        yield "all words there are", self.stated(f"{problem.answer} {' '.join(NOUNS)} {problem.answer}")
        if neighbour.answer != problem.answer:
            yield "neighbour's", self.stated(neighbour.answer)
        yield "two answers", f"{self.stated(problem.answer)}\n{self.stated(posed.text)}"
        yield "empty", self.stated("")

    def wider(self) -> str:
        return f"task.max_constraints={self.config.max_constraints}"
