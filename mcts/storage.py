"""Trees on disk: gzipped JSON lines, one tree a line. The same trees always give the same bytes."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from mcts.tree import SearchTree
from mcts.tree_json import MalformedTreeError, decode, encode
from tasks.durable import atomic_path
from tasks.errors import DataError, UserError


def write_trees(path: Path, trees: Iterable[SearchTree]) -> None:
    """Write a whole file, or nothing. Raises UserError for a tree with a number that is not finite."""
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as file,
        # Neither name nor time goes into the header: they would make equal trees differ.
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
    ):
        for tree in trees:
            try:
                line = json.dumps(encode(tree), allow_nan=False, separators=(",", ":"))
            except ValueError as error:
                raise UserError(
                    f"{path}: the tree of problem {tree.problem.id} holds a log-prob or value that is not finite; "
                    "check the weights of the model that sampled it"
                ) from error
            packed.write(line.encode() + b"\n")


def read_trees(path: Path) -> Iterator[SearchTree]:
    """Read the trees one by one. Raises DataError naming file and line for whatever cannot be read."""
    for number, line in _lines(path):
        yield parse_tree(path, number, line)


def read_names(path: Path) -> Iterator[tuple[str, str]]:
    """Each tree's problem as (id, prompt), without making the tree. Raises DataError as ``read_trees`` does."""
    for number, line in _lines(path):
        try:
            row = json.loads(line)
            name = row["id"], row["prompt"]
        except (ValueError, RecursionError, TypeError, LookupError):
            name = None, None
        if not all(isinstance(part, str) for part in name):
            parse_tree(path, number, line)  # says what is wrong with it
        yield name


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such tree file; check the run folder and the round") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}, line {number + 1}: damaged or cut short ({error}); remove the file and run the search again"
        ) from error


def parse_tree(path: Path, number: int, line: bytes) -> SearchTree:
    """The tree of one line. Raises DataError naming file and line number."""
    try:
        return decode(json.loads(line))
    except MalformedTreeError as error:
        reason = str(error)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, or nested beyond reason
        reason = "not a JSON object"
    raise DataError(f"{path}, line {number}: {reason}; remove the file and run the search again")
