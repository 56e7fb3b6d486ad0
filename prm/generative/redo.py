"""Verifications without a teacher: the policy does the step again, from what stands before it.

For each step so many next steps are drawn after the same prefix; their text is the verification, and it concludes
``right`` where all of them are the step itself, ``wrong`` where none is, and nothing where they differ among
themselves. What is drawn does not depend on the step or its label, and where prefixes are equal it is drawn once. That
equal answers speak for each other is self-consistency (arXiv 2203.11171); here a model learns to write them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcts.step import Continuation, Proposer, ProposeRequest, Step, joined
from prm.generative.verifications import Verification
from tasks.problem import Problem
from tasks.readers.labelled import LabelledSolution
from tasks.seeding import derive_seed


@dataclass(frozen=True, slots=True)
class Redo:
    """``per_step`` verifications of ``steps`` steps each."""

    proposer: Proposer
    steps: int
    per_step: int
    seed: int

    def write(self, solutions: Sequence[LabelledSolution]) -> list[list[list[Verification]]]:
        """For each solution, for each step, the verifications; fewer, or none, where steps were drawn that do not end.

        ValueError for a solution without the token ids that were sampled.
        """
        asked: dict[tuple[str, tuple[int, ...]], ProposeRequest] = {}
        places = []
        for one in solutions:
            steps, problem = steps_of(one), Problem(str(one.meta.get("problem_id", "")), one.prompt, one.answer)
            for at in range(len(steps)):
                key = (one.prompt, joined(steps[:at]))
                asked.setdefault(key, self._ask(len(asked), problem, steps[:at], key))
                places.append(key)
        answers = dict(zip(asked, self.proposer.propose(list(asked.values())), strict=True))
        found = iter(places)
        return [[self._verifications(answers[next(found)], text) for text in one.steps] for one in solutions]

    def _ask(
        self, number: int, problem: Problem, before: tuple[Step, ...], key: tuple[str, tuple[int, ...]]
    ) -> ProposeRequest:
        seed = derive_seed(self.seed, "redo", key[0], ",".join(map(str, key[1])))
        return ProposeRequest(number, problem, before, self.steps * self.per_step, 1, seed)

    def _verifications(self, drawn: Sequence[Continuation], text: str) -> list[Verification]:
        again = [one[0] for one in drawn if one]
        groups = [again[at : at + self.steps] for at in range(0, len(again) - self.steps + 1, self.steps)]
        return [_verification(own, text) for own in groups]


def steps_of(solution: LabelledSolution) -> tuple[Step, ...]:
    """The solution's steps as they were sampled, with what their code printed. ValueError without token ids."""
    if not solution.token_ids:
        raise ValueError("a step without token ids cannot be done again by the policy")
    seen = solution.meta.get("observation_ids") or [()] * len(solution.steps)
    return tuple(
        Step(text, ids, observation_ids=tuple(after))
        for text, ids, after in zip(solution.steps, solution.token_ids, seen, strict=True)
    )


def _verification(again: Sequence[Step], text: str) -> Verification:
    same = sum(one.text == text for one in again)
    verdict = None if 0 < same < len(again) else same > 0
    return Verification("".join(one.text for one in again), tuple(t for one in again for t in one.token_ids), verdict)
