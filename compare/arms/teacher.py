"""Solutions of somebody else, to be learned from: another policy samples them here, or they stand in a file.

DeepSeek-R1's distillation (arXiv 2501.12948, section 2.4): what a larger policy solves is what a smaller one is
fine-tuned on. They are text: the two may have different tokenizers. What the teacher samples is charged to the arm by
the teacher's own size (role ``teacher``); what its training has cost, or a file's making, to nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compare.arms.apart import judged_on
from compare.arms.course import Course
from compare.arms.live import LivePolicy
from compare.ledger import Role
from lm.distributed import gathered
from lm.rows import TextRow
from policy.config import EngineName
from policy.rl import Group
from policy.sft import demonstration_row
from tasks.errors import UserError
from tasks.problem import Demonstration, Outcome
from tasks.readers.jsonl import JsonlConfig, load_jsonl

_PHASE = "teacher"
_MODEL = "config.json"


class Teacher:
    """The policy in ``folder``, sampled as the arm's own is."""

    def __init__(self, course: Course, folder: Path) -> None:
        if course.config.engine.name is not EngineName.HF:
            raise UserError(f"arms.{course.work.name}.teacher={folder}: a teacher that samples wants engine=hf")
        self._course = course
        self._policy = LivePolicy(course.config.policy, course.config.engine, folder)
        course.ledger.declare(Role.TEACHER, self._policy.parameters)
        self._charged = {"generated": 0, "prefilled": 0, "cached": 0}

    def solve(self, seed: int) -> list[Group]:
        """Judged solutions of the next training problems."""
        course, rl = self._course, self._course.config.rl
        problems = course.next_problems(rl.problems)
        with course.phase(_PHASE):
            groups = self._policy.sample(problems, rl.group, seed)
        course.require_room(groups)
        every = gathered(self._policy.counts())
        now = {name: sum(getattr(each, name) for each in every) for name in self._charged}
        new = {name: now[name] - before for name, before in self._charged.items()}
        course.ledger.add(_PHASE, Role.TEACHER, **new)
        self._charged = now
        return course.judged(groups, _PHASE)


def taught(course: Course, seed: int) -> list[TextRow]:
    """The teacher's distinct correct solutions, for as long as ``arm.sampling`` pays; or the file's."""
    assert course.arm.teacher is not None
    path = Path(course.arm.teacher)
    if (path / _MODEL).is_file():
        return _sampled(course, Teacher(course, path), seed)
    if path.is_file():
        return _rows(course, _of_file(course, path))
    raise UserError(
        f"arms.{course.work.name}.teacher={path}: there is neither a policy's folder (with {_MODEL}) nor a file of "
        "problems with solutions; give one of them"
    )


def _sampled(course: Course, teacher: Teacher, seed: int) -> list[TextRow]:
    found: dict[tuple[str, str], Demonstration] = {}
    batch = 0
    while course.spent < course.allowance(course.arm.sampling):
        for group in teacher.solve(seed + batch):
            for one in group.trajectories:
                if one.verdict is not None and one.verdict.outcome is Outcome.CORRECT:
                    found.setdefault((group.problem.id, one.text), Demonstration(group.problem, one.text))
        batch += 1
    return _rows(course, list(found.values()))


def _of_file(course: Course, path: Path) -> Sequence[Demonstration]:
    """The training problems of a file of rows (docs/tasks.md) with their solutions, which are taken for right.

    Those that the task's own files judge on are set aside, and counted. UserError if nothing is left.
    """
    config = JsonlConfig("teacher", path=str(path), grader="exact", step_format=course.config.task.step_format)
    shown = load_jsonl(config).demonstrations(2**31)
    judged = judged_on(course.task, [each.problem.prompt for each in shown])
    found = [each for each in shown if each.problem.prompt not in judged]
    if not found:
        raise UserError(
            f"arms.{course.work.name}.teacher={path}: there is no solution of a training problem ({len(judged)} "
            "problems are, or are like, some that the task judges on); add some"
        )
    course.extra["teacher"] = {"set_aside": len(judged)}
    return found


def _rows(course: Course, solved: Sequence[Demonstration]) -> list[TextRow]:
    return [demonstration_row(each, course.policy.encode, course.policy.tokenizer) for each in solved]
