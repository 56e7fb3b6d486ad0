"""Files that are either whole or not there, however the process ends.

Everything is written to a temporary sibling ``.<name>.<pid>-<counter>.tmp``, fsynced, renamed over the target, and
the directory is fsynced. A killed process leaves at most temporaries, which ``sweep_temporaries`` removes.
A full disk and a refused write become a ``UserError`` of one sentence.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from tasks.errors import UserError

_counter = itertools.count()
_TEMPORARY = re.compile(r"\..+\.\d+-\d+\.tmp")
_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}
_REFUSED = {
    errno.EACCES: "permission is denied",
    errno.EPERM: "the operation is not permitted",
    errno.EROFS: "the file system is read-only",
}
# safetensors and tokenizers write from Rust, which raises its own types and puts the errno into the text.
_RUST_ERRNO = re.compile(r"\(os error (\d+)\)")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; it becomes ``path`` if the block ends without an error.

    Missing parent folders are made. The temporary's name differs from run to run, so a writer that stores its own
    file name must be told not to: ``gzip.GzipFile(filename="", mtime=0, fileobj=...)``.
    Raises UserError on a full disk or a refused write; ``path`` is then what it was before.
    """
    with _temporary_of(path) as temporary:
        yield temporary
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield a temporary empty folder; it becomes ``path`` if the block ends without an error.

    A folder that is already at ``path`` is replaced. A kill between the two renames of a replacement leaves no
    ``path`` at all, never a mixture of both.
    """
    with _temporary_of(path) as temporary:
        temporary.mkdir()
        yield temporary
        _fsync_tree(temporary)
        if path.is_dir() and not path.is_symlink():
            old = _temporary_name(path)
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
        _fsync(path.parent)


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Write a whole file, or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text_atomic(path: Path, text: str) -> None:
    """Write a whole UTF-8 file, or nothing. Line ends are written as they are."""
    write_bytes_atomic(path, text.encode())


def write_json_atomic(path: Path, obj: Any) -> None:
    """Write one JSON document with a stable layout. Raises ValueError for NaN and infinities."""
    write_text_atomic(path, json.dumps(obj, indent=1, allow_nan=False) + "\n")


def sweep_temporaries(root: Path) -> int:
    """Remove what killed processes left below ``root``; returns how many. Call it only while nobody writes there."""
    removed = 0
    for folder, subfolders, files in os.walk(root):
        for name in [name for name in subfolders if _TEMPORARY.fullmatch(name)]:
            _remove(Path(folder, name))
            subfolders.remove(name)
            removed += 1
        for name in files:
            if _TEMPORARY.fullmatch(name):
                _remove(Path(folder, name))
                removed += 1
    return removed


def sha256_file(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_failure(error: BaseException, path: Path) -> UserError | None:
    """The sentence for a full disk or a refused write to ``path``; None if ``error`` is something else."""
    number, filename = _errno_of(error)
    if number in _FULL:
        return UserError(f"cannot write {path}: {_FULL[number]}; make room and start the same command again")
    # A refusal that names a file elsewhere was met while reading an input: not this path's fault.
    is_ours = filename is None or filename == path.parent or path.parent in filename.parents or filename in path.parents
    if number in _REFUSED and is_ours:
        return UserError(f"cannot write {path}: {_REFUSED[number]}; choose a folder that you may write to")
    return None


@contextmanager
def _temporary_of(path: Path) -> Iterator[Path]:
    temporary = _temporary_name(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        file = next((parent for parent in path.parents if parent.exists() and not parent.is_dir()), path.parent)
        raise UserError(f"cannot write {path}: {file} is a file, not a folder; move it away") from error
    except OSError as error:
        _raise_plainly(error, path)
    try:
        yield temporary
    except BaseException as error:
        with suppress(OSError):  # a read-only file system refuses even the removal of what is not there
            _remove(temporary)
        _raise_plainly(error, path)


def _raise_plainly(error: BaseException, path: Path) -> NoReturn:
    failure = write_failure(error, path)
    if failure is None:
        raise error
    raise failure from error


def _temporary_name(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_counter)}.tmp")


def _errno_of(error: BaseException) -> tuple[int | None, Path | None]:
    if isinstance(error, OSError):
        return error.errno, Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else None
    found = _RUST_ERRNO.search(str(error))
    return (int(found[1]) if found else None), None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync_tree(root: Path) -> None:
    for folder, _, files in os.walk(root):
        for name in files:
            _fsync(Path(folder, name))
        _fsync(Path(folder))
