"""Solutions with made-up token ids, a policy that follows a script, and a judge that needs no server."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import numpy as np
import pytest

from mcts.step import Step
from mcts.trajectory import Trajectory
from prm.labels.base import Unlabelled
from tasks.graders.chat import ChatFailed
from tasks.problem import Outcome, Problem, Verdict

RIGHT, WRONG = Verdict(Outcome.CORRECT, 1.0), Verdict(Outcome.WRONG, 0.0)
FAILED = Verdict(Outcome.ERROR, 0.0)


def path_of(names: str, verdict: Verdict, problem_id: str = "p") -> Trajectory:
    """A solution with a step for each letter; the letter's code is its token."""
    steps = tuple(Step(f"{name}\n", (ord(name),), (-1.0,), at == len(names) - 1) for at, name in enumerate(names))
    return Trajectory(problem_id, tuple(range(1, len(steps) + 1)), steps, (0.0,) * len(steps), verdict)


def unlabelled(names: str, verdict: Verdict, problem_id: str = "p") -> Unlabelled:
    return Unlabelled(Problem(problem_id, f"prompt of {problem_id}", "42"), path_of(names, verdict, problem_id))


@dataclass
class Scripted:
    """Carries prefixes on with random letters; the end is right with the chance that ``chance(letters)`` names."""

    chance: object
    length: int = 6
    letters: str = "abAB"
    asked: dict[str, int] = field(default_factory=dict)
    always: Verdict | None = None

    def complete(self, requests):
        return [[self._one(request, np.random.default_rng((request.seed, n))) for n in range(request.count)]
                for request in requests if self._count(request)]  # fmt: skip

    def _count(self, request):
        name = "".join(step.text.strip() for step in request.prefix)
        self.asked[name] = self.asked.get(name, 0) + request.count
        return True

    def _one(self, request, rng):
        names = "".join(step.text.strip() for step in request.prefix)
        end = self.always or (RIGHT if rng.random() < self.chance(names) else WRONG)
        while len(names) < self.length:
            # What is written next fits how it ends: capital letters are errors, and nothing right follows one.
            names += rng.choice(list("ab" if end is RIGHT else self.letters))
        return path_of(names, end, request.problem.id)


@dataclass
class Judge:
    """Answers by ``verdict(steps before, step)``, read from between the lines; keeps what it was asked."""

    verdict: object
    bodies: list = field(default_factory=list)

    def ask(self, body):
        self.bodies.append(body)
        told = body["messages"][1]["content"]
        part = {name: text for _, name, text in re.findall(r"<<<(\w+) (?!end of)([\w ]+)>>>\n(.*?)\n<<<", told, re.S)}
        step = part["step to check"].split(": ", 1)[1]
        answer = self.verdict(part.get("steps before", ""), step)
        if isinstance(answer, ChatFailed):
            raise answer
        return answer if isinstance(answer, str) else json.dumps({"score": answer})


@pytest.fixture(scope="session")
def solution():
    return unlabelled


@pytest.fixture(scope="session")
def scripted():
    return Scripted


@pytest.fixture(scope="session")
def stub_judge():
    return Judge


@pytest.fixture(scope="session")
def verdicts():
    return RIGHT, WRONG, FAILED
