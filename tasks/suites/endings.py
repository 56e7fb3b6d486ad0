"""Solutions that are proofs or programs: every line counts, and the marker ``####`` only says which is the last."""

from __future__ import annotations

import re

_MARKER = re.compile(r"^[ \t]*####[ \t]?", re.MULTILINE)


def whole_solution(text: str) -> str | None:
    """The lines of a solution without its marker; None unless one line, the last that is not blank, starts with it."""
    marker = _MARKER.search(text)
    if marker is None or "\n" in text[marker.end() :].rstrip() or not text[marker.end() :].strip():
        return None
    return text[: marker.start()] + text[marker.end() :].rstrip()


def first_false(labels: list[bool]) -> int:
    """The index of the first wrong step, -1 if there is none (ProcessBench's convention)."""
    return -1 if all(labels) else labels.index(False)
