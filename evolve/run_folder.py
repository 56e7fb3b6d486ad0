"""A run's folder: what it was asked, and which of its stages are done.

A stage is done once its manifest ``round_N/.stages/<stage>.json`` is there: the size and sha256 of each file it made
and its result. The manifest is written after the files, ``DONE`` after the manifests of a round. So a run that starts
again does exactly the stages that are not there, and a file damaged in between is noticed before anything uses it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from evolve import manifest
from tasks.durable import write_json_atomic

_STAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ROUND_NAME = re.compile(r"round_(\d+)")


class RunFolder:
    """The record of one run, held under an exclusive lock until ``close`` or the end of the process."""

    def __init__(self, root: Path, lock: int, part: str = "round") -> None:
        """Use ``evolve.open_run``; ``lock`` is the descriptor that holds the lock."""
        self.root = root
        self._part = part
        self._lock: int | None = lock
        self._verified: set[Path] = set()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def round_dir(self, round_number: int) -> Path:
        """``round_N``; 0 is the cold start. Of a comparison: ``seed_N``. Without parts (""): the folder itself."""
        return self.root / f"{self._part}_{round_number}" if self._part else self.root

    def commit_stage(self, round_number: int, name: str, files: Iterable[Path], result: dict[str, Any]) -> None:
        """Say that a stage is done: its files (folders count with all they hold) and its JSON-able result.

        The result belongs to the record: no wall-clock in it.
        """
        folder = self.round_dir(round_number)
        path = self._manifest(round_number, name)
        write_json_atomic(path, {"files": manifest.digests(folder, manifest.expand(files)), "result": result})
        self._verified.add(path)

    def stage_result(self, round_number: int, name: str) -> dict[str, Any] | None:
        """The result of a stage that is done, or None if it has to be done (again): a file it made is missing.

        The first time a process asks, every byte is checked. Raises DataError for a damaged file.
        """
        path = self._manifest(round_number, name)
        if not path.exists():
            return None
        done = manifest.read(path)
        folder = self.round_dir(round_number)
        if not all((folder / relative).is_file() for relative in done["files"]):
            return None
        for relative, digest in done["files"].items():
            manifest.check(folder / relative, digest, every_byte=path not in self._verified)
        self._verified.add(path)
        result: dict[str, Any] = done["result"]
        return result

    def finish_round(self, round_number: int) -> None:
        """Write ``DONE``, the sha256 of every file of the round, and point ``latest`` to the last finished round."""
        folder = self.round_dir(round_number)
        files = [path for path in manifest.expand([folder]) if not _is_bookkeeping(path.relative_to(folder))]
        write_json_atomic(folder / "DONE", {"files": manifest.digests(folder, files)})
        self.point_latest()

    def rounds_done(self) -> list[int]:
        """Numbers of the finished rounds, ascending."""
        names = (_ROUND_NAME.fullmatch(done.parent.name) for done in self.root.glob("round_*/DONE"))
        return sorted(int(found[1]) for found in names if found)

    def add_provenance(self, entry: dict[str, Any]) -> None:
        """Append to ``provenance`` in run.json, unless the same entry is there from before a restart."""
        path = self.root / "run.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        if entry not in record["provenance"]:
            record["provenance"].append(entry)
            write_json_atomic(path, record)

    def add_fact(self, name: str, value: str) -> None:
        """Say in run.json what holds of this start of the run: among the facts of its first, or latest, start."""
        path = self.root / "run.json"
        record = json.loads(path.read_text(encoding="utf-8"))
        start = record["resumed"][-1] if record["resumed"] else record
        start[name] = value
        write_json_atomic(path, record)

    def _manifest(self, round_number: int, name: str) -> Path:
        if not _STAGE_NAME.fullmatch(name):
            raise ValueError(f"a stage's name is letters, digits and ._-, got {name!r}")
        return self.round_dir(round_number) / ".stages" / f"{name}.json"

    def point_latest(self) -> None:
        """``latest`` leads to the last finished round."""
        done = self.rounds_done()
        if done:
            _replace_link(self.root / "latest", self.round_dir(done[-1]).name)


def _is_bookkeeping(relative: Path) -> bool:
    return relative.name == "DONE" or any(part.startswith(".") for part in relative.parts)


def _replace_link(link: Path, target: str) -> None:
    if link.is_symlink() and link.readlink() == Path(target):
        return
    temporary = link.with_name(f".{link.name}.{os.getpid()}-0.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
