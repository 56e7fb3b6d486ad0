r"""Where the final answer of a solution stands: behind the last ``####`` of a line, or in the last ``\boxed{}``.

Never in the prose. What is stated last counts, so a model may correct itself; earlier answers and what follows the
last one change nothing, so stating many answers does not pay. Inside the one that counts nothing is chosen:
``#### 4 or 5`` is the answer "4 or 5".
"""

from __future__ import annotations

import re

MAX_BOXED = 4096
r"""Longest answer in a ``\boxed``, in characters."""

_LINE = re.compile(r"^[ \t]*####", re.MULTILINE)
_HEADING = re.compile(r"[ *_]*(?:[0-9]{1,2}[.):] )?[A-Za-z][A-Za-z ,:'&()*_-]*(?:[0-9]{1,2}[A-Za-z ,:'&()*_-]*)?")
_MAX_HEADING = 80
_BOXED = re.compile(r"\\boxed(?![a-zA-Z])")
_BRACE = re.compile(r"\\boxed[ \t]{0,8}\{|\\.|[{}]", re.DOTALL)


def read_final_answer(text: str) -> str | None:
    r"""The last stated answer without outer spaces, or None.

    That is the rest of the line after ``####`` (which starts the line), or the inside of ``\boxed{...}``, whichever
    begins later. Behind a box a ``####`` line of words with more text below it is a heading of Markdown's and no answer
    (``#### Verification``). Boxes within a box are one answer, the widest box's. None too if the last ``\boxed`` has
    no closing brace within MAX_BOXED: a text that was cut off while it answered has not answered.
    """
    boxed = text.rfind("\\boxed")
    while boxed >= 0 and not _BOXED.match(text, boxed):
        boxed = text.rfind("\\boxed", 0, boxed)
    lines = [line.end() for line in _LINE.finditer(text, max(boxed, 0))]
    end = len(text.rstrip())
    for begin in reversed(lines):
        line_end = text.find("\n", begin)
        line = text[begin : line_end if line_end >= 0 else len(text)].strip()
        if boxed < 0 or line_end < 0 or end <= line_end or not _is_heading(line):
            return line
    return None if boxed < 0 else _widest_box(text, boxed)


def _is_heading(line: str) -> bool:
    return len(line) <= _MAX_HEADING and _HEADING.fullmatch(line) is not None


def _widest_box(text: str, last: int) -> str | None:
    r"""The inside of the widest ``\boxed{}`` that holds the marker at ``last``, in one pass over a bounded window."""
    boxes: list[tuple[int, int, int]] = []  # those closed: begin, inside, end; the widest comes last
    is_boxed: list[tuple[int, int] | None] = []  # of each open brace
    for brace in _BRACE.finditer(text, max(0, last - MAX_BOXED), last + MAX_BOXED):
        if brace[0].startswith("\\boxed"):
            is_boxed.append((brace.start(), brace.end()))
        elif brace[0] == "{":
            is_boxed.append(None)
        elif brace[0] == "}" and is_boxed and (opening := is_boxed.pop()) is not None:
            boxes.append((*opening, brace.start()))
    holding = [box for box in boxes if box[0] <= last < box[2]]
    if not holding or holding[0][0] != last:
        return None
    begin, inside, end = holding[-1]
    cuts = sorted(cut for b, i, e in boxes if begin < b and e < end for cut in ((b, i), (e, e + 1)))
    starts, ends = [inside, *(cut[1] for cut in cuts)], [*(cut[0] for cut in cuts), end]
    return "".join(text[a:b] for a, b in zip(starts, ends, strict=True)).strip()
