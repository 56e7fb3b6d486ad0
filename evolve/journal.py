"""The files of a run that grow line by line: metrics.jsonl, timings.jsonl and log.txt.

``metrics.jsonl`` holds no wall-clock, so a run that was killed any number of times ends with the bytes of one that
never was. Times live in ``timings.jsonl`` and ``log.txt``, which differ from run to run.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.durable import write_bytes_atomic, write_failure
from tasks.errors import DataError, UserError

_SECRETS = re.compile(
    r"\b(?:sk-[\w-]{16,}|hf_\w{16,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|wandb_v\d+_\w{16,}|AKIA[0-9A-Z]{16})"
    r"|(?<![0-9A-Za-z])[0-9a-f]{40}(?![0-9A-Za-z])"  # a wandb key; a full git commit id looks the same
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"  # user:password in an address
)
_NAMED_SECRET = re.compile(
    r"(?i)((?:api[_-]?key|access[_-]?token|auth[_-]?token|secret|password)[\"']?\s*[=:]\s*[\"']?|bearer )([^\s\"',]+)"
)
_SECRET_VARIABLE = re.compile(r"(?i)(?:key|token|secret|password)$")


class Journal:
    """metrics.jsonl: one JSON object a line, each led by the ``stage`` it belongs to.

    A stage's lines are written by one caller in an order that does not depend on timing (for work done by several
    workers: in the order of the jobs). Stages follow each other; a stage that is done again is begun again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, stage_key: str) -> None:
        """Drop the lines of an unfinished earlier attempt at this stage, and a torn last line."""
        if not self._path.exists():
            return
        before = self._path.read_bytes()
        kept = b"".join(
            line for number, line in _whole_lines(before) if _parse(self._path, number, line).get("stage") != stage_key
        )
        if kept != before:
            write_bytes_atomic(self._path, kept)

    def append(self, stage_key: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows to the end of the file; they are on disk on return.

        Raises UserError for a NaN or infinite value (nothing is written then) and for a full disk.
        """
        lines = []
        for row in rows:
            if "stage" in row:
                raise ValueError(f"{stage_key}: a row may not have its own 'stage'")
            for name, value in _leaves(row, ""):
                if isinstance(value, float) and not math.isfinite(value):
                    raise UserError(
                        f"{stage_key}: metric {name} is {value}, and only finite numbers can be recorded; "
                        "lower the learning rate or look at the inputs of this stage"
                    )
            lines.append(json.dumps({"stage": stage_key, **row}, allow_nan=False) + "\n")
        append_lines(self._path, "".join(lines).encode())

    def rows(self) -> list[dict[str, Any]]:
        """Every whole line, oldest first. Raises DataError for a line that is not a JSON object."""
        return _read_rows(self._path)


@dataclass(frozen=True, slots=True)
class TimingSummary:
    """``by_stage``: seconds of each stage's last attempt, ``parts`` where it spent them; ``total_seconds``: of all."""

    by_stage: Mapping[str, float]
    total_seconds: float
    peak_memory_mb: float
    parts: Mapping[str, Mapping[str, float]]


class Timings:
    """timings.jsonl: seconds and peak memory of each attempt at a stage, recorded just before it is committed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(
        self, stage_key: str, seconds: float, peak_memory_mb: float, parts: Mapping[str, float] | None = None
    ) -> None:
        """``parts`` names where the stage's own process spent its seconds."""
        row = {
            "stage": stage_key,
            "seconds": round(seconds, 3),
            "peak_memory_mb": round(peak_memory_mb, 1),
            "parts": {name: round(value, 3) for name, value in (parts or {}).items()},
        }
        append_lines(self._path, (json.dumps(row, allow_nan=False) + "\n").encode())

    def summary(self) -> TimingSummary:
        """A stage killed between its record and its commit was done again: its last attempt is the one that counts."""
        rows = _read_rows(self._path)
        return TimingSummary(
            by_stage={row["stage"]: row["seconds"] for row in rows},
            total_seconds=sum(row["seconds"] for row in rows),
            peak_memory_mb=max((row["peak_memory_mb"] for row in rows), default=0.0),
            parts={row["stage"]: row["parts"] for row in rows},
        )


class RunLog:
    """log.txt: what happened and when, for people. Keys and tokens are blotted out."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> None:
        """Append one entry: the time (UTC) and the text, its further lines indented."""
        entry = redact(text.rstrip()).replace("\n", "\n    ")
        stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        append_lines(self._path, f"{stamp}  {entry}\n".encode(errors="backslashreplace"))

    def stopped(self, error: BaseException) -> None:
        """Say what ended the work before its time."""
        self.write(
            "interrupted" if isinstance(error, KeyboardInterrupt) else f"stopped: {type(error).__name__}: {error}"
        )


def redact(text: str) -> str:
    """Blot out what looks like an API key, and the value of every environment variable named like one.

    A bare 40-digit hexadecimal is taken for a wandb key, so log commits in their short form.
    """
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_VARIABLE.search(name):
            text = text.replace(value, "[redacted]")
    return _SECRETS.sub("[redacted]", _NAMED_SECRET.sub(r"\1[redacted]", text))


def append_lines(path: Path, data: bytes) -> None:
    """Append whole lines and fsync; a torn last line left by a kill is cut off first, a failed write undone."""
    whole = _length_of_whole_lines(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size != whole:
            os.truncate(path, whole)
        with path.open("ab", buffering=0) as file:
            remaining = memoryview(data)
            while remaining:
                remaining = remaining[file.write(remaining) :]
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, whole)
        failure = write_failure(error, path)
        if failure is None:
            raise
        raise failure from error


def _length_of_whole_lines(path: Path) -> int:
    """Bytes up to and with the last line end."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - 2**16)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
    return 0


def _whole_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(data.splitlines(keepends=True), start=1):
        if line.endswith(b"\n"):
            yield number, line


def _read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [_parse(path, number, line) for number, line in _whole_lines(path.read_bytes())]


def _parse(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or not isinstance(row.get("stage"), str):
        raise DataError(f"{path}, line {number}: not a JSON object with a stage; delete this line and start again")
    return row


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{name}[{index}]")
    else:
        yield name, value
