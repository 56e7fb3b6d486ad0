"""A run's folder: what it was asked, and which of its stages are done.

A stage is done once its manifest ``round_N/.stages/<stage>.json`` is there: the size and sha256 of each file it made
and its result. The manifest is written after the files, ``DONE`` after the manifests of a round. So a run that starts
again does exactly the stages that are not there, and a file damaged in between is noticed before anything uses it.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from evolve import manifest
from evolve.provenance import describe_start
from tasks.durable import atomic_path, sweep_temporaries, write_failure, write_json_atomic
from tasks.errors import DataError, UserError

_FORMAT = "treeward run 1"
_LOCK = ".lock"
# What a folder may hold and still count as empty: our lock, and what Hydra writes before the program starts.
_UNCLAIMED = frozenset({_LOCK, ".hydra"})
_STAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ROUND_NAME = re.compile(r"round_(\d+)")
_ABSENT = "(not set)"


class RunFolder:
    """The record of one run, held under an exclusive lock until ``close`` or the end of the process."""

    def __init__(self, root: Path, lock: int, part: str = "round") -> None:
        """Use ``open_run``; ``lock`` is the descriptor that holds the lock."""
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
        """``round_N``; 0 is the cold start. Of a comparison: ``seed_N``."""
        return self.root / f"{self._part}_{round_number}"

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
        self._point_latest()

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

    def _manifest(self, round_number: int, name: str) -> Path:
        if not _STAGE_NAME.fullmatch(name):
            raise ValueError(f"a stage's name is letters, digits and ._-, got {name!r}")
        return self.round_dir(round_number) / ".stages" / f"{name}.json"

    def _point_latest(self) -> None:
        done = self.rounds_done()
        if done:
            _replace_link(self.root / "latest", self.round_dir(done[-1]).name)


def open_run(
    root: Path, config: dict[str, Any], overwrite: bool, result_neutral: frozenset[str], part: str = "round"
) -> RunFolder:
    """Begin a run in ``root``, or take up the one that is there. ``part``: what its numbered folders are called.

    ``config`` is a plain dict. ``result_neutral``: dotted keys (each with all below it) that may differ from the config
    the run was begun with. Raises UserError if another process has the folder, if it holds a run of another
    config and ``overwrite`` is false, or if it holds anything but a run (which is never removed).
    """
    record = _recognise(root)
    folder = RunFolder(root, _acquire_lock(root), part)
    try:
        # Again, now that nobody else can change it.
        record = _recognise(root)
        wanted = json.loads(json.dumps(config, default=str))
        if record is None or record["state"] == "clearing" or overwrite:
            _begin(root, wanted)
        else:
            sweep_temporaries(root)
            _refuse_other_config(root, wanted, result_neutral)
            record["resumed"].append(describe_start())
            write_json_atomic(root / "run.json", record)
            folder._point_latest()
    except BaseException as error:
        folder.close()
        failure = write_failure(error, root)
        if failure is None:
            raise
        raise failure from error
    return folder


def _recognise(root: Path) -> dict[str, Any] | None:
    """run.json of the run in ``root``; None if there is nothing in it. Raises UserError for anything else."""
    if root.exists() and not root.is_dir():
        raise UserError(f"{root} is a file, and a run needs a folder; use another name")
    try:
        record = json.loads((root / "run.json").read_text(encoding="utf-8"))
        if isinstance(record, dict) and record.get("format") == _FORMAT:
            return record
    except FileNotFoundError:
        pass
    except ValueError as error:
        raise DataError(f"{root / 'run.json'} is damaged (not JSON); delete the folder, or use another name") from error
    # A run killed before its first file was whole leaves a temporary of run.json.
    ours = {name for name in _names_in(root) if name in _UNCLAIMED or name.startswith(".run.json.")}
    foreign = sorted(set(_names_in(root)) - ours)
    if foreign:
        raise UserError(
            f"{root} is not empty and not a run folder (it holds {foreign[0]}), so nothing in it was touched; "
            "use another name"
        )
    return None


def _names_in(root: Path) -> list[str]:
    return [path.name for path in root.iterdir()] if root.exists() else []


def _acquire_lock(root: Path) -> int:
    path = root / _LOCK
    try:
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        failure = write_failure(error, path)
        if failure is None:
            raise
        raise failure from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise UserError(
            f"{root} is in use by another process (number {owner}); wait for it to end, or use another name"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _begin(root: Path, config: dict[str, Any]) -> None:
    """Clear the folder and write who and what. A kill inside leaves ``clearing``, and the next start does it again."""
    run_json = root / "run.json"
    write_json_atomic(run_json, {"format": _FORMAT, "state": "clearing"})
    for path in root.iterdir():
        if path.name in {*_UNCLAIMED, "run.json"}:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    with atomic_path(root / "config.yaml") as temporary:
        temporary.write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")
    start = {"seed": config.get("seed"), **describe_start(), "resumed": [], "provenance": []}
    write_json_atomic(run_json, {"format": _FORMAT, "state": "begun", **start})


def _refuse_other_config(root: Path, wanted: dict[str, Any], result_neutral: frozenset[str]) -> None:
    path = root / "config.yaml"
    try:
        begun_with = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        begun_with = None
    if not isinstance(begun_with, dict):
        raise DataError(f"{path} is missing or damaged; use overwrite=true to start the run anew, or another name")
    there, now = _flatten(begun_with, ""), _flatten(wanted, "")
    differing = [
        f"{key} is {there.get(key, _ABSENT)} there and {now.get(key, _ABSENT)} now"
        for key in [*there, *(key for key in now if key not in there)]
        if there.get(key, _ABSENT) != now.get(key, _ABSENT) and not _is_covered(key, result_neutral)
    ]
    if differing:
        more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
        raise UserError(
            f"{root} holds a run of another config: {', '.join(differing[:5])}{more}; "
            "use overwrite=true to start it anew, or another name"
        )


def _flatten(value: Any, key: str) -> dict[str, str]:
    """Dotted keys with their values as JSON text, so that 1, 1.0, true and "1" differ."""
    if not isinstance(value, dict) or (key and not value):
        return {key: json.dumps(value)}
    flat: dict[str, str] = {}
    for name, item in value.items():
        flat |= _flatten(item, f"{key}.{name}" if key else str(name))
    return flat


def _is_covered(key: str, covering: frozenset[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in covering)


def _is_bookkeeping(relative: Path) -> bool:
    return relative.name == "DONE" or any(part.startswith(".") for part in relative.parts)


def _replace_link(link: Path, target: str) -> None:
    if link.is_symlink() and link.readlink() == Path(target):
        return
    temporary = link.with_name(f".{link.name}.{os.getpid()}-0.tmp")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(link)
