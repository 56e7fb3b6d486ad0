"""From labels to classes, with nothing cast on the way: a label that is no class is refused, or cut where told."""

from __future__ import annotations

from prm.step_rows import StepRow
from tasks.errors import UserError


def class_of(label: float, classes: int, threshold: float | None, row: StepRow) -> int:
    """0 for wrong up to ``classes`` - 1 for right; with three, 1 is neutral. UserError for a label between them."""
    if classes == 2 and threshold is not None:
        return int(label > threshold)
    place = (label + 1) * (classes - 1) / 2
    if not place.is_integer():
        known = "1 and -1" if classes == 2 else "1, 0 and -1"
        mend = "set threshold=0 to cut labels in two, or use loss=soft_bce" if classes == 2 else "use loss=soft_bce"
        raise UserError(f"problem {row.problem_id}: a label is {label:g}, and the loss takes {known}; {mend}")
    return int(place)


def is_right(label: float, threshold: float | None, row: StepRow) -> bool:
    """Of the two classes, right. UserError as above."""
    return class_of(label, 2, threshold, row) == 1


def outcome_of(row: StepRow, threshold: float | None) -> bool:
    """Did the solution end right? UserError where nothing says so."""
    if row.ending is None:
        raise UserError(
            f"problem {row.problem_id}: nothing says how a solution ended, which the loss learns from; give the row a "
            "meta.reward in [0, 1], or its last step a label"
        )
    return is_right(row.ending, threshold, row)
