"""One frozen pool of trajectories per seed, for arms that are to differ in supervision and in nothing else.

The pool is the leaves of search trees that the cold start grew: a tree's leaves are a group, so outcomes, steps and the
tree itself can be credited on the very same trajectories. They were sampled by the cold start and stay as they are, so
the ratio of the loss is taken to it (``old``), update after update, and clipped where the policy has moved too far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from compare.arms.stream import Stream
from mcts.storage import read_trees
from policy.credit.base import Member
from policy.grpo import CreditedGroup
from policy.rl import Group


class Pool:
    """The groups of a pool, in an order of the seed's that is the same for every arm, epoch after epoch."""

    def __init__(self, groups: Sequence[Group], seed: int) -> None:
        self.groups = tuple(groups)
        self._stream = Stream(self.groups, seed)
        self._members: dict[int, list[Member]] = {}

    def take(self, count: int) -> list[Group]:
        """The next groups: ``count`` of them, or all there are."""
        return self._stream.take(count)

    def once(
        self, groups: Sequence[Group], judge: Callable[[Sequence[Group]], list[list[Member]]]
    ) -> list[list[Member]]:
        """What ``judge`` says of groups of this pool; each is judged, and paid for, when it first comes up."""
        new = [group for group in groups if id(group) not in self._members]
        if new:
            self._members |= dict(zip(map(id, new), judge(new), strict=True))
        return [self._members[id(group)] for group in groups]

    def state(self) -> dict[str, Any]:
        """How far it is, and what was said of the groups that came up, by their places."""
        places = {id(group): place for place, group in enumerate(self.groups)}
        known = {str(places[key]): [asdict(one) for one in own] for key, own in self._members.items()}
        return {"stream": self._stream.state(), "members": known}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self._stream.restore(state["stream"])
        self._members = {
            id(self.groups[int(place)]): [_member(one) for one in own] for place, own in state["members"].items()
        }


def _member(said: dict[str, Any]) -> Member:
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in said.items()}
    return Member(**values)


def read_groups(folder: Path) -> list[Group]:
    """The leaves of every tree of the folder, a group a tree, not all judged yet; a tree without any is left out."""
    found = []
    for path in sorted((folder / "trees").glob("*.jsonl.gz")):
        for tree in read_trees(path):
            if leaves := tree.trajectories():
                found.append(Group(tree.problem, tuple(leaves), is_tree=True))
    return found


def from_start(groups: Sequence[CreditedGroup]) -> list[CreditedGroup]:
    """The groups with the log-probs that they were sampled by as those that the ratio of the loss is taken to."""
    return [replace(group, rows=tuple(replace(row, old=row.engine) for row in group.rows)) for group in groups]
