"""Tree credit: global plus local advantage of the node that a step leads to.

    A_i,t = [(V(n) - V(root)) + (V(n) - V(parent of n))] / sqrt(leaves below n)   for the tokens t of the step into n

Source: TreeRL (arXiv 2506.11902, section 3). ``leaves``: V is the mean, over the members below the node, of their
reward minus the mean reward of the others (leave-one-out), so V(root) is 0. ``scores``: V is the search's own Q of the
node, in [-1, 1], and V(root) the mean outcome 2 r - 1 of the group. The root of the divisor keeps a step that many
members share from counting as often as they are. A tree whose leaves are worth the same gets 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from policy.credit.base import Array, Member, leave_one_out, per_token, require, rewards
from policy.credit.config import TreeValue


def tree_q(members: Sequence[Member], value: TreeValue = TreeValue.LEAVES) -> list[Array]:
    """Advantages [T] per member. Needs ``path``, all of one root, and ``step_scores`` for ``scores``."""
    require(members, "path")
    if len({member.path[0] for member in members}) > 1:
        raise ValueError("tree credit is for the paths of one tree; these begin at different roots")
    below: dict[int, list[int]] = defaultdict(list)
    for index, member in enumerate(members):
        for node in member.path:
            below[node].append(index)
    values = _leaf_means(members, below) if value is TreeValue.LEAVES else _scores(members)
    return [per_token(_steps(member, values, below), member) for member in members]


def _steps(member: Member, values: dict[int, float], below: dict[int, list[int]]) -> Array:
    """The advantage of each step [S]."""
    values_of_path = np.array([values[node] for node in member.path])
    leaves_S = np.array([len(below[node]) for node in member.path[1:]])
    return np.asarray((2 * values_of_path[1:] - values_of_path[0] - values_of_path[:-1]) / np.sqrt(leaves_S))


def _leaf_means(members: Sequence[Member], below: dict[int, list[int]]) -> dict[int, float]:
    leaves_G = leave_one_out(rewards(members))
    means = {node: float(leaves_G[indices].mean()) for node, indices in below.items()}
    return means | {members[0].path[0]: 0.0}  # what it is but for rounding


def _scores(members: Sequence[Member]) -> dict[int, float]:
    require(members, "step_scores")
    values = {members[0].path[0]: float((2 * rewards(members) - 1).mean())}
    for member in members:
        values.update(zip(member.path[1:], member.step_scores, strict=True))
    return values
