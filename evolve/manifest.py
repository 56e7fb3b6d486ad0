"""Which files a stage made, with their sizes and sha256, and whether they are still what they were."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tasks.durable import sha256_file
from tasks.errors import DataError


def expand(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, folders as all the files below them; sorted."""
    files: set[Path] = set()
    for path in paths:
        files |= {inner for inner in path.rglob("*") if inner.is_file()} if path.is_dir() else {path}
    return sorted(files)


def digests(folder: Path, files: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """``{path relative to folder: {"bytes": size, "sha256": hex}}``."""
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
        for path in files
    }


def check(path: Path, digest: dict[str, Any], every_byte: bool) -> None:
    """Raise DataError unless the file has its recorded size and, with ``every_byte``, its recorded sha256."""
    size = path.stat().st_size
    if size != digest["bytes"]:
        found = f"{size} bytes instead of {digest['bytes']}"
    elif every_byte and sha256_file(path) != digest["sha256"]:
        found = "its sha256 differs from the recorded one"
    else:
        return
    raise DataError(f"{path} is damaged ({found}); delete it and start again to have it made anew")


_OF_A_STAGE = frozenset({"files", "result"})
OF_A_ROUND = frozenset({"files"})


def read(path: Path, fields: frozenset[str] = _OF_A_STAGE) -> dict[str, Any]:
    """A stage's manifest: ``files`` (see ``digests``) and ``result``; a round's (``DONE``) has ``files`` alone.

    Raises DataError if it is damaged.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        manifest = None
    if not isinstance(manifest, dict) or manifest.keys() != fields:
        raise DataError(f"{path} is damaged (not a manifest); delete it and start again to redo what it stands for")
    return manifest
