"""Texts from outside the task kept apart from what the task's files judge on.

Where a file is held out (``task.held_out_path``), a question's text alone does not say that the arm is judged on it.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.overlap import overlaps
from tasks.problem import Split, Task
from tasks.registry import file_tasks

_ALL = 2**31
_JUDGED = (Split.VALIDATION, Split.HELD_OUT)


def judged_on(task: Task, prompts: Iterable[str]) -> set[str]:
    """Those of ``prompts`` that are validation or held-out problems of the task's files, or share too much with one.

    How much is too much, each file task says by ``overlap_n`` and ``overlap_share``.
    """
    texts = {prompt: prompt for prompt in prompts}
    found: set[str] = set()
    for part in file_tasks(task):
        judged = {each.id: each.prompt for split in _JUDGED for each in part.problems(split, _ALL)}
        bare = {prompt.strip() for prompt in judged.values()}
        found |= {prompt for prompt in texts if prompt.strip() in bare}
        limits = part.overlap_report()
        if limits["n"]:
            found |= {each.name for each in overlaps(texts, judged, limits["n"], limits["share"])}
    return found
