"""Preference pairs of steps, straight into the policy: DPO on what the arm's trees prefer. No PPM, no sampling."""

from __future__ import annotations

from collections.abc import Sequence

from compare.arms.course import Course
from compare.arms.supervised import spend_on
from lm.distributed import spread
from lm.packing import packed_size
from lm.rows import TextRow
from policy.dpo import DpoLoss, StepPair, with_margins
from prm.pair_file import read_pairs
from prm.pairs import PreferencePair


def step_dpo(course: Course) -> None:
    """Train on the pairs of the trees until the budget is spent."""
    assert course.work.trees is not None, "the trees are grown before the arm begins"
    pairs = [_pair(pair, course) for pair in read_pairs(course.work.trees.folder / "pairs.jsonl")]
    with course.phase("reference"):
        pairs = spread(pairs, lambda some: with_margins(course.policy.model, some))
    course.ledger.add("reference", scored=_tokens(pairs))
    spend_on(course, pairs, DpoLoss(course.arm.dpo_beta), _tokens, "preference pair")


def _pair(pair: PreferencePair, course: Course) -> StepPair:
    before = (*course.policy.encode(pair.prompt), *pair.prefix)
    return StepPair(
        TextRow(pair.problem_id, before, pair.chosen, pair.chosen_given),
        TextRow(pair.problem_id, before, pair.rejected, pair.rejected_given),
    )


def _tokens(pairs: Sequence[StepPair]) -> int:
    """Tokens computed for the pairs, the beginning that the two sides share once."""
    sides = [[row.ids for row in (pair.chosen, pair.rejected)] for pair in pairs]
    return sum(map(packed_size, sides))
