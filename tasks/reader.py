"""Reads rows strictly, from JSON lines or parquet: every complaint names the file and the line."""

from __future__ import annotations

import gzip
import importlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from tasks.errors import DataError, UserError


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, JSON object) for every line that is not blank; ``.gz`` files are unpacked.

    A ``.parquet`` file (extra ``data``) gives its rows, numbered from 1 as well. Raises DataError for a file that
    cannot be read or unpacked and for a line that is not UTF-8, not JSON, not an object, or holds NaN, Infinity or half
    a surrogate pair (which could not be written again).
    """
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    number = 0
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _read_line(path, number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} cannot be unpacked after line {number}: {error}; fetch the file again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path and its rights") from error


def _parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise UserError(f"{path} is a parquet file, which needs pyarrow; run pip install 'treeward[data]'") from error
    try:
        with parquet.ParquetFile(path) as file:
            yield from enumerate((row for batch in file.iter_batches() for row in batch.to_pylist()), start=1)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as parquet ({error}); fetch the file again") from error


def _open(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _read_line(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        text = line.decode()
        row = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():
            json.dumps(row, ensure_ascii=False).encode()
    # ValueError: also bad UTF-8 and numbers of thousands of digits. RecursionError: brackets nested by the thousand.
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}:{number}: not a line of UTF-8 JSON ({error}); mend or remove the line") from error
    if not isinstance(row, dict):
        kind = type(row).__name__
        raise DataError(f"{path}:{number}: a row must be a JSON object, got {kind}; mend or remove the line")
    return row


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
