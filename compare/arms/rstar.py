"""One round of self-evolution: search, then train on the best trajectories (rStar-Math, arXiv 2501.04519, section 3).

The PPM that the round makes too has been trained and charged with the trees; it guides searches, not this policy.
"""

from __future__ import annotations

from compare.arms.course import Course
from compare.arms.supervised import spend_on_texts
from evolve.selection import read_sft_rows


def rstar(course: Course) -> None:
    """Train on the trajectories that were selected from the arm's trees, with what is left of the budget."""
    assert course.work.trees is not None, "the trees are grown before the arm begins"
    rows = read_sft_rows(course.work.trees.folder / "sft.jsonl", course.policy.encode)
    spend_on_texts(course, rows, "correct trajectory")
