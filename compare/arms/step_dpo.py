"""Preference pairs of steps, straight into the policy: DPO on what the arm's trees prefer. No PPM, no sampling."""

from __future__ import annotations

from collections.abc import Sequence

from compare.arms.course import Course
from compare.arms.supervised import spend_on
from evolve.pair_learning import step_pair
from lm.distributed import spread
from lm.packing import packed_size
from policy.dpo import DpoLoss, StepPair, with_margins
from prm.pair_file import read_pairs


def step_dpo(course: Course) -> None:
    """Train on the pairs of the trees until the budget is spent."""
    assert course.work.trees is not None, "the trees are grown before the arm begins"
    pairs = [step_pair(pair, course.policy.encode) for pair in read_pairs(course.work.trees.folder / "pairs.jsonl")]
    with course.phase("reference"):
        pairs = spread(pairs, lambda some: with_margins(course.policy.model, some))
    course.ledger.add("reference", scored=_tokens(pairs))
    spend_on(course, pairs, DpoLoss(course.arm.dpo_beta), _tokens, "preference pair")


def _tokens(pairs: Sequence[StepPair]) -> int:
    """Tokens computed for the pairs, the beginning that the two sides share once."""
    sides = [[row.ids for row in (pair.chosen, pair.rejected)] for pair in pairs]
    return sum(map(packed_size, sides))
