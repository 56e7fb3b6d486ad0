"""A PPM that was there before the comparison: it must read tokens as the policy writes them."""

from __future__ import annotations

from pathlib import Path

from compare.arms.course import Course
from lm.folder import load_tokenizer
from tasks.errors import UserError


def ready_ppm(course: Course, folder: Path) -> Path:
    """``folder``, if its PPM has the policy's tokenizer. UserError otherwise."""
    theirs, ours = load_tokenizer(folder).get_vocab(), course.policy.tokenizer.get_vocab()
    if theirs != ours:
        option = f"arms.{course.work.name}.ppm={folder}"
        raise UserError(
            f"{option}: this PPM has another tokenizer than the policy ({len(theirs)} tokens, {len(ours)} of the "
            f"policy's, {len(theirs.items() & ours.items())} of them alike), and would misread its solutions; name a "
            "PPM that was trained from such a policy"
        )
    return folder
