"""Wrong solutions that a process model thinks well of: what a search against it looks for, and it is taught on.

Source of the idea: Adv-RM (arXiv 2504.06141), where a policy is trained to find such solutions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mcts.trajectory import Trajectory
from tasks.problem import Outcome

TokenIds = tuple[int, ...]


def right_and_tempting(
    trajectories: Sequence[Trajectory], thought: Mapping[TokenIds, float], otherwise: float = float("inf")
) -> tuple[dict[TokenIds, Trajectory], dict[TokenIds, Trajectory]]:
    """A problem's correct solutions, and the wrong ones scored at least as high as the worst correct one; each once.

    ``thought``: the model's score of a solution, by its token ids. Without a correct solution the wrong ones must
    score ``otherwise`` at least. An answer that no verifier could read is not right, and counts among the wrong.
    """
    right = _distinct(trajectories, (Outcome.CORRECT,))
    least = min((thought[ids] for ids in right), default=otherwise)
    wrong = _distinct(trajectories, (Outcome.WRONG, Outcome.UNVERIFIABLE))
    return right, {ids: one for ids, one in wrong.items() if thought[ids] >= least}


def _distinct(trajectories: Sequence[Trajectory], outcomes: Sequence[Outcome]) -> dict[TokenIds, Trajectory]:
    return {one.token_ids: one for one in trajectories if one.verdict and one.verdict.outcome in outcomes}
