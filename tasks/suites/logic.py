"""Suite ``logic``: derive a goal from premises, in lines that ``tasks.suites.propositional`` checks.

    1 P>~Q               the prompt: numbered premises and the goal
    2 P
    3 R|Q
    ? R
    4 ~Q mp 1 2          the proof's lines go on from there
    #### 5 R ds 3 4      the marker stands before the last one; ``;`` may divide lines

Any right proof of the goal is correct; ``Problem.answer`` is one. Each problem is a chain of literals, the first one
given (or assumed, where the goal is an implication), with premises that lead nowhere and one that is a trap: it invites
a fallacy that jumps along the chain. A misconceived fact is a fallacy and the atom that it concludes: affirming the
consequent (``mp``), denying the antecedent (``mt``), affirming a disjunct (``ds``). A demonstration that believes it
jumps, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tasks.errors import UserError
from tasks.problem import Problem, StepOracle, Verifier
from tasks.suites.logic_draw import INTRODUCTIONS, LINKS, LogicProblem, draw_problem
from tasks.suites.logic_verifier import LogicOracle, LogicVerifier
from tasks.suites.procedural import ProceduralConfig, ProceduralTask, chosen_facts

ATOMS = "PQRSTUVWABCDEFGH"


@dataclass
class LogicConfig(ProceduralConfig):
    """Which derivations there are, and which fallacies the demonstrations believe in."""

    name: str = "logic"  # the task's name: the first part of every problem id
    misconceived_facts: float = 0.5  # share of the suite's facts (docs/tasks.md) with one fixed mistake each
    atoms: int = 5  # letters that formulas are made of; up to 16
    min_links: int = 1  # links of the shortest chain from what is given to the goal
    max_links: int = 2  # of the longest chain
    distractors: int = 0  # premises that lead nowhere, besides the trap
    # What links may need (mp, mt, ds), and how goals may be put together (&i, |i, >i; a plain goal always may occur).
    rules: list[str] = field(default_factory=lambda: ["mp", "mt", ">i"])


class LogicTask(ProceduralTask[LogicProblem]):
    """Draws derivations by seed."""

    suite = "logic"

    def __init__(self, config: LogicConfig) -> None:
        super().__init__(config)
        _check(config)
        self.config = config
        self.verifier: Verifier = LogicVerifier()
        self.oracle: StepOracle | None = LogicOracle()
        facts = [(rule, atom) for rule in LINKS for atom in ATOMS[: config.atoms]]
        self._believed = chosen_facts(self.stream("misconceptions"), facts, config.misconceived_facts, 1)

    def draw(self, rng: np.random.Generator) -> LogicProblem:
        c = self.config
        links = int(rng.integers(c.min_links, c.max_links + 1))
        return draw_problem(ATOMS[: c.atoms], links, c.distractors, c.rules, rng)

    def solution(self, item: LogicProblem, rng: np.random.Generator) -> str:
        trap = item.trap
        jumps = trap is not None and (trap.rule, trap.atom) in self._believed
        *lines, last = item.proof(jumps and rng.random() < self.config.misconception_rate)
        return "\n".join([*lines, f"#### {last}"])

    def perturbed(self, problem: Problem, neighbour: Problem) -> Iterator[tuple[str, str]]:
        lines = problem.answer.split("; ")
        yield (
            "numbered from 1",
            self.stated("; ".join(f"{n} {line.split(' ', 1)[1]}" for n, line in enumerate(lines, 1))),
        )
        yield "unreached", self.stated("; ".join(lines[:-1]))
        yield "other claim", self.stated("; ".join([*lines[:-1], lines[-1].replace(" ", " ~", 1)]))
        yield "goal alone", self.stated(problem.prompt.rpartition("? ")[2].strip())
        yield "goal from nothing", self.stated(f"{lines[0].split()[0]} {lines[-1].split()[1]} hyp")
        yield "a bad line first", self.stated(f"0; {problem.answer}")
        yield "two ends", f"{self.stated(problem.answer)}\n{self.stated(problem.answer)}"
        yield "empty", self.stated("")

    def wider(self) -> str:
        c = self.config
        return f"task.max_links={c.max_links}, task.atoms={c.atoms} and task.distractors={c.distractors}"


def _check(config: LogicConfig) -> None:
    known = (*LINKS, *INTRODUCTIONS)
    if len(set(config.rules)) != len(config.rules) or not set(config.rules) <= set(known):
        raise UserError(f"task.rules must be of {', '.join(known)}, each at most once, got {config.rules}")
    if not set(config.rules) & set(LINKS):
        raise UserError(f"task.rules must have one of {', '.join(LINKS)}, got {config.rules}")
    if not 1 <= config.min_links <= config.max_links:
        raise UserError(
            "task.min_links must be at least 1 and at most task.max_links,"
            f" got min_links={config.min_links} and max_links={config.max_links}"
        )
    needed = config.max_links + 2 + max(config.distractors, 0)
    if config.distractors < 0 or not needed <= config.atoms <= len(ATOMS):
        raise UserError(
            f"task.atoms must lie between task.max_links + task.distractors + 2 = {needed} and {len(ATOMS)}, and"
            f" task.distractors must not be negative, got atoms={config.atoms} and distractors={config.distractors}"
        )
