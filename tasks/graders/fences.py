"""Blocks between lines of three backticks, as Markdown has them. Read line by line, so a hostile text costs no more."""

from __future__ import annotations


def fenced_blocks(text: str) -> list[tuple[str, str]]:
    """What stands behind each opening ``` (such as ``python``, lower case) and the block; one not closed is none."""
    found: list[tuple[str, str]] = []
    kind = ""
    lines: list[str] | None = None  # of the open block
    for line in text.split("\n"):
        mark = line.strip()
        if lines is None:
            if mark.startswith("```") and "`" not in mark[3:]:
                kind, lines = mark[3:].strip().lower(), []
        elif mark == "```":
            found.append((kind, "\n".join(lines)))
            lines = None
        else:
            lines.append(line)
    return found
