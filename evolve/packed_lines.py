"""The lines of a gzip file, read once from its beginning and then again one by one, each from somewhere near."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.errors import DataError

_READ = 1 << 16
_APART = 4 << 20  # bytes of text between two places where reading can begin
_GZIP = 31  # zlib's window size that means a gzip header


@dataclass(frozen=True, slots=True)
class _Place:
    """Where reading can begin: ``text`` bytes unpacked from the first ``packed`` ones, and the unpacker's state."""

    text: int
    packed: int
    unpacker: Any


class PackedLines:
    """A gzip file of lines. ``lines`` reads them all and notes places to begin at; ``line_at`` reads one of them.

    Memory: about 40 kB for each 4 MiB of text, and one line.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: list[_Place] = []
        self._stamp = _stamp(path)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line with the number of bytes of text before it. Raises DataError for a damaged file."""
        self._places = [_Place(0, 0, zlib.decompressobj(_GZIP))]
        start, rest = 0, bytearray()
        try:
            for block in self._blocks(self._places[0], note=True):
                first, *more = block.split(b"\n")
                rest += first
                for after in more:
                    yield start, bytes(rest)
                    start += len(rest) + 1
                    rest = bytearray(after)
        except (EOFError, zlib.error) as error:
            raise DataError(
                f"{self._path}: damaged or cut short ({error}); remove the file and run the search again"
            ) from error
        if rest:
            yield start, bytes(rest)

    def line_at(self, start: int) -> bytes:
        """The line that ``lines`` found there. Raises DataError if the file is not the same any more."""
        if _stamp(self._path) != self._stamp:
            raise DataError(f"{self._path} has changed since it was read; open the page again")
        place = [place for place in self._places if place.text <= start][-1]
        text = bytearray()
        for block in self._blocks(place, note=False):
            text += block
            end = text.find(b"\n", max(start - place.text, len(text) - len(block)))
            if end >= 0:
                return bytes(text[start - place.text : end])
        return bytes(text[start - place.text :])

    def _blocks(self, place: _Place, *, note: bool) -> Iterator[bytes]:
        unpacker, text, packed = place.unpacker.copy(), place.text, place.packed
        with self._path.open("rb") as file:
            file.seek(packed)
            while data := file.read(_READ):
                block = unpacker.decompress(data)
                text, packed = text + len(block), packed + len(data)
                yield block
                if unpacker.eof:
                    return
                if note and text - self._places[-1].text >= _APART:
                    self._places.append(_Place(text, packed, unpacker.copy()))
        raise EOFError("it ends before its end mark")


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns
