"""Rejection sampling: the cold start's own solutions, the correct ones kept, trained on (RFT, arXiv 2308.01825).

Or those of a teacher (``compare.arms.teacher``); worked solutions of the task may join them. In a stage, what samples
is the policy of the stage before, and the training may begin again from the cold start (DeepSeek-R1, section 2.3.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from compare.arms.course import Course
from compare.arms.supervised import spend_on_texts
from compare.arms.teacher import taught
from lm.rows import TextRow
from policy.config import TrainFrom
from policy.rl import Group, text_row
from policy.sft import demonstration_row
from tasks.problem import Outcome
from tasks.seeding import derive_seed


def rft(course: Course) -> None:
    """Sample with ``arm.sampling`` of the budget, or take the pool, then train on each distinct correct solution."""
    found = taught(course, derive_seed(course.seed, "teacher")) if course.arm.teacher else _own(course)
    shown = course.task.demonstrations(course.arm.demonstrations) if course.arm.demonstrations else []
    found += [demonstration_row(each, course.policy.encode, course.policy.tokenizer) for each in shown]
    if course.arm.train_from is TrainFrom.BASE and course.work.stage is not None:
        course.policy.begin_again(course.work.stage.base)
    spend_on_texts(course, found, "correct solution")


def _own(course: Course) -> list[TextRow]:
    rows: dict[tuple[str, tuple[int, ...]], TextRow] = {}
    batch = 0
    _keep(course, course.pool.groups if course.pool else (), rows)
    while not course.pool and course.spent < course.allowance(course.arm.sampling):
        rl = course.config.rl
        problems = course.next_problems(rl.problems)
        with course.phase("sampling"):
            groups = course.policy.sample(problems, rl.group, derive_seed(course.seed, "sample", batch))
        course.require_room(groups)
        _keep(course, course.judged(groups, "sampling"), rows)
        batch += 1
    return list(rows.values())


def _keep(course: Course, groups: Sequence[Group], rows: dict[tuple[str, tuple[int, ...]], TextRow]) -> None:
    for group in groups:
        prompt = course.policy.encode(group.problem.prompt)
        for one in group.trajectories:
            if one.verdict is not None and one.verdict.outcome is Outcome.CORRECT:
                rows.setdefault((group.problem.id, one.token_ids), text_row(group.problem.id, prompt, one))
