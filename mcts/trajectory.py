"""A path through a tree, taken out of it."""

from __future__ import annotations

from dataclasses import dataclass

from mcts.step import Step
from tasks.problem import Verdict


@dataclass(frozen=True, slots=True)
class Trajectory:
    """A path from below the root to a terminal node.

    ``nodes``, ``steps`` and ``qs`` have one entry per step. ``verdict`` is None where nothing was verified: in
    inference mode, and for a dead end (its last step is not final).
    """

    problem_id: str
    nodes: tuple[int, ...]
    steps: tuple[Step, ...]
    qs: tuple[float, ...]
    verdict: Verdict | None = None

    @property
    def is_final(self) -> bool:
        """Did the solution end, rather than run into a dead end?"""
        return bool(self.steps) and self.steps[-1].is_final

    @property
    def mean_q(self) -> float:
        """Mean Q of the steps: what rStar-Math ranks correct trajectories by (section 3.3)."""
        return sum(self.qs) / len(self.qs)

    @property
    def min_q(self) -> float:
        """Q of the weakest step."""
        return min(self.qs)

    @property
    def token_ids(self) -> tuple[int, ...]:
        """The sampled token ids, step after step, without what was observed (``mcts.step.joined`` has both)."""
        return tuple(token for step in self.steps for token in step.token_ids)

    @property
    def text(self) -> str:
        """The solution as one text: the steps carry their own delimiters."""
        return solution_text(self.steps)


def solution_text(steps: tuple[Step, ...]) -> str:
    """The steps as one text, as a verifier reads it: what the policy wrote, without what was observed."""
    return "".join(step.text for step in steps)


def shown_text(steps: tuple[Step, ...]) -> str:
    """The steps as the policy read them, and as people should: each with what its code printed."""
    return "".join(step.text + step.observation for step in steps)
