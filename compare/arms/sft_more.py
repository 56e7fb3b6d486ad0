"""Going on with the cold start: the same texts, for the whole budget.

What the other arms gain beyond this one they have learned from their own solutions, and not from mere training.
"""

from __future__ import annotations

from compare.arms.course import Course
from compare.arms.supervised import spend_on_texts
from policy.sft import demonstration_row


def sft_more(course: Course) -> None:
    """Train on the demonstrations until the budget is spent."""
    demonstrations = course.task.demonstrations(course.config.policy.cold_start.demonstrations)
    rows = [demonstration_row(each, course.policy.encode, course.policy.tokenizer) for each in demonstrations]
    spend_on_texts(course, rows, "demonstration")
