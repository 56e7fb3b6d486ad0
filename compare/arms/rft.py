"""Rejection sampling: the cold start's own solutions, the correct ones kept, trained on (RFT, arXiv 2308.01825)."""

from __future__ import annotations

from collections.abc import Sequence

from compare.arms.course import Course
from compare.arms.supervised import spend_on_texts
from lm.rows import TextRow
from policy.rl import Group, text_row
from tasks.problem import Outcome
from tasks.seeding import derive_seed


def rft(course: Course) -> None:
    """Sample with ``arm.sampling`` of the budget, or take the pool, then train on each distinct correct solution."""
    rows: dict[tuple[str, tuple[int, ...]], TextRow] = {}
    batch = 0
    _keep(course, course.pool.groups if course.pool else (), rows)
    while not course.pool and course.spent < course.arm.sampling:
        rl = course.config.rl
        problems = course.next_problems(rl.problems)
        with course.phase("sampling"):
            groups = course.policy.sample(problems, rl.group, derive_seed(course.seed, "sample", batch))
        _keep(course, course.judged(groups, "sampling"), rows)
        batch += 1
    spend_on_texts(course, list(rows.values()), "correct solution")


def _keep(course: Course, groups: Sequence[Group], rows: dict[tuple[str, tuple[int, ...]], TextRow]) -> None:
    for group in groups:
        prompt = course.policy.encode(group.problem.prompt)
        for one in group.trajectories:
            if one.verdict is not None and one.verdict.outcome is Outcome.CORRECT:
                rows.setdefault((group.problem.id, one.token_ids), text_row(group.problem.id, prompt, one))
