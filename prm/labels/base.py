"""The contract of all label methods: whole solutions with their verdicts in, ``LabelledSolution`` out, costs counted.

What a label says differs from method to method (``docs/prm.md``): a chance 2p - 1, a judgement, a value. None: the
method says nothing of that step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Protocol

from mcts.step import ProposeRequest, Step, joined
from mcts.trajectory import Trajectory
from mcts.tree import SearchTree
from tasks.problem import Outcome, Problem
from tasks.readers.labelled import Label, LabelledSolution
from tasks.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A solution to be labelled. ``tree``: the one it was taken from, where a method reads it.

    ``source`` names where it comes from (a tree file, or ``fresh``). ValueError without a verdict, and for one of
    ``error``: what the verifier failed on is neither right nor wrong.
    """

    problem: Problem
    trajectory: Trajectory
    source: str = ""
    tree: SearchTree | None = None

    def __post_init__(self) -> None:
        verdict = self.trajectory.verdict
        if not self.trajectory.steps or verdict is None or verdict.outcome is Outcome.ERROR:
            raise ValueError(f"problem {self.problem.id}: only whole solutions with a verdict can be labelled")

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the solution."""
        return self.trajectory.steps

    @property
    def reward(self) -> float:
        """The verifier's reward of the whole solution, in [0, 1]."""
        assert self.trajectory.verdict is not None, "checked when it was made"
        return self.trajectory.verdict.reward

    @property
    def is_right(self) -> bool:
        """Does it end in a correct answer?"""
        assert self.trajectory.verdict is not None, "checked when it was made"
        return self.trajectory.verdict.outcome is Outcome.CORRECT


@dataclass(slots=True)
class Costs:
    """What a labelling has spent. Tokens are the policy's: what a judge behind an endpoint reads nobody tells us."""

    continuations: int = 0  # prefixes carried on to an end, each once
    generated: int = 0  # tokens sampled for them
    prefilled: int = 0  # tokens read as their prompts
    cached: int = 0  # prompt tokens that needed no reading: free
    verifier_calls: int = 0  # ends verified
    sandbox_calls: int = 0  # programs run for code steps
    judge_calls: int = 0  # answers asked of a judge, the tries that failed included

    def add(self, other: Costs) -> None:
        """Add what was spent elsewhere."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def spent(self) -> dict[str, int]:
        """The counts that are not zero."""
        return {name: count for name, count in asdict(self).items() if count}


class Labeller(Protocol):
    """A label method. None stands for a solution that it leaves out; ``costs`` grow with every call.

    A method labels the solutions of one call together, so a problem's belong into one call. The same solutions and
    seed give the same labels.
    """

    @property
    def costs(self) -> Costs: ...

    def label(self, solutions: Sequence[Unlabelled]) -> list[LabelledSolution | None]: ...


class Continuer(Protocol):
    """A policy and a verifier, seen from a label method.

    ``request.count`` whole solutions for each request, in order: the prefix with a continuation to the end, judged.
    """

    def complete(self, requests: Sequence[ProposeRequest]) -> list[list[Trajectory]]: ...


Prefix = tuple[str, tuple[int, ...]]
"""A problem's id and the token ids of some first steps: what a policy continues."""


def prefix_of(one: Unlabelled, end: int) -> Prefix:
    """The first ``end`` steps. ValueError for steps that have no token ids: nothing can be continued after those."""
    if not all(step.token_ids for step in one.steps[:end]):
        raise ValueError(f"problem {one.problem.id}: a step without token ids cannot be continued")
    return one.problem.id, joined(one.steps[:end])


def ask_after(one: Unlabelled, end: int, count: int, seed: int, key: int) -> ProposeRequest:
    """Ask for ``count`` continuations of the first ``end`` steps; the seed is that of the prefix, whoever asks."""
    problem_id, ids = prefix_of(one, end)
    own = derive_seed(seed, "continue", problem_id, ",".join(map(str, ids)))
    return ProposeRequest(key, one.problem, one.steps[:end], count, None, own)


def labelled(
    one: Unlabelled, labels: Sequence[Label], method: str, cost: Costs | None = None, **about: Any
) -> LabelledSolution:
    """The solution with its labels; ``meta`` says where both come from and what the labels cost."""
    meta: dict[str, Any] = {
        "problem_id": one.problem.id,
        "method": method,
        "source": one.source,
        "nodes": list(one.trajectory.nodes),
        "reward": one.reward,
        "cost": {} if cost is None else cost.spent(),
        **about,
    }
    return as_solution(one.problem, one.steps, labels, meta)


def as_solution(
    problem: Problem, steps: Sequence[Step], labels: Sequence[Label], meta: dict[str, Any]
) -> LabelledSolution:
    """Steps of a tree as a solution, with their sampled token ids where all of them have some."""
    if any(step.observation_ids for step in steps):
        read = [list(step.observation_ids) for step in steps]  # though nobody sampled them
        meta = {**meta, "observation_ids": read}
    ids = tuple(step.token_ids for step in steps) if all(step.token_ids for step in steps) else ()
    return LabelledSolution(
        problem.prompt, tuple(step.text for step in steps), tuple(labels), problem.answer, meta, ids
    )
