"""Opens a run's folder: begins a run, or takes up the one that is there, and never touches anything else."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from evolve.provenance import describe_start
from evolve.run_folder import RunFolder
from tasks.durable import atomic_path, sweep_temporaries, write_failure, write_json_atomic
from tasks.errors import DataError, UserError

_FORMAT = "treeward run 1"
_LOCK = ".lock"
# What a folder may hold and still count as empty: our lock, and what Hydra writes before the program starts.
_UNCLAIMED = frozenset({_LOCK, ".hydra"})
_ABSENT = "(not set)"


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
            folder.point_latest()
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
