"""A file of rows that takes long: what is done lies beside it, and a killed program goes on behind the last whole row.

``.NAME.partial`` holds a line that says what the rows are of, then the rows so far. The file itself appears when all
are there, whole, with the bytes that it would have had in one go.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evolve.journal import append_lines
from tasks.durable import atomic_path
from tasks.errors import UserError


class RowsUnderWay:
    """``done``: rows that an earlier start left, in the order of what they are of."""

    def __init__(self, out: Path, partial: Path, head: bytes) -> None:
        self._out, self._partial = out, partial
        with partial.open("rb") as file:
            is_same = file.readline() == head
            self.done = sum(line.endswith(b"\n") for line in file) if is_same else 0
        if not is_same:
            partial.write_bytes(b"")  # emptied, not removed: this process holds its lock
            append_lines(partial, head)

    def add(self, rows: Iterable[dict[str, Any]]) -> None:
        """Rows behind those that are there; they are on disk on return. UserError for a full disk."""
        lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows]
        append_lines(self._partial, "".join(lines).encode())

    def finish(self) -> Iterator[dict[str, Any]]:
        """Write the file, and yield its rows on the way; it is there once the last has been taken."""
        with self._partial.open("rb") as rows, atomic_path(self._out) as path, path.open("wb") as file:
            rows.readline()
            for line in rows:
                file.write(line)
                yield json.loads(line)
        self._partial.unlink()


@contextmanager
def rows_under_way(out: Path, of: str) -> Iterator[RowsUnderWay]:
    """The rows of ``out``. ``of`` (a digest, say) tells what they are: rows of anything else are begun anew.

    Raises UserError while another process writes the same file.
    """
    partial = out.with_name(f".{out.name}.partial")
    with partial.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"{out} is being written by another process; wait for it to end, or name another") from None
        yield RowsUnderWay(out, partial, json.dumps({"rows_of": of}).encode() + b"\n")
