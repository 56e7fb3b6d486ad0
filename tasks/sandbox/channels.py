"""The private pipes of one program, as its user holds them."""

from __future__ import annotations

import os
import secrets
import select
import socket
import time
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Self

from tasks.sandbox.inside.program import NONCE_BYTES

_CHUNK = 1 << 16
_TAIL = 4096  # bytes of standard error that are kept


class ServerDied(Exception):
    """The server ended, or stopped answering, before it told how the program did."""


class Channels:
    """Our ends of standard output, standard error, report and status; ``stdout``, ``stderr`` (its end) as heard."""

    def __init__(self, request: str, stdin: str) -> None:
        self.stdout, self.stderr = bytearray(), bytearray()
        self.flooded = False
        self._bytes = 0
        self._ours, self._theirs = ExitStack(), ExitStack()
        self.descriptors = [self._memory(request), self._memory(stdin)]
        self._stdout, self._stderr = self._pipe(), self._pipe()
        self._report, self._status = self._socket(), self._socket()
        self._nonce = secrets.token_bytes(NONCE_BYTES)
        self._report.send(self._nonce)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.sent()
        self._ours.close()

    def sent(self) -> None:
        """The server has its copies: ours of them go, so that the program's end is seen."""
        self._theirs.close()

    def listen(self, seconds: float, most: int) -> bytes:
        """Read until the server tells how the program ended; returns what it tells. Raises ``ServerDied``.

        Past ``most`` bytes from both streams together ``flooded`` is set and the server is asked to end the program.
        """
        deadline = time.monotonic() + seconds
        poll = select.poll()
        for channel in (self._stdout, self._stderr, self._status.fileno()):
            poll.register(channel, select.POLLIN)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise ServerDied("no answer in time")
            for descriptor, _ in poll.poll(1000 * left + 1):
                if descriptor == self._status.fileno():
                    return self._end(most)
                if self._take(descriptor, most):
                    poll.unregister(descriptor)

    def report(self) -> bytes:
        """What the program's own process says after the nonce; nothing if it says nothing. Its word, not a proof."""
        with suppress(BlockingIOError, ConnectionResetError):
            told = self._report.recv(64)
            if told.startswith(self._nonce):
                return told.removeprefix(self._nonce)
        return b""

    def _end(self, most: int) -> bytes:
        try:
            told = self._status.recv(4096)
        except ConnectionError:
            told = b""
        if not told:
            raise ServerDied("the server ended")
        for channel in (self._stdout, self._stderr):  # what the program left in its pipes
            while not self._take(channel, most):
                pass
        return told

    def _take(self, descriptor: int, most: int) -> bool:
        """Take what is there; whether that was the end, for now or for good."""
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        self._bytes += len(data)
        if descriptor == self._stdout:
            self.stdout += data[: max(0, most - len(self.stdout))]
        else:
            self.stderr = (self.stderr + data)[-_TAIL:]
        if self._bytes > most and not self.flooded:
            self.flooded = True
            with suppress(OSError):  # reaches the server even if a forked child of this process holds a copy
                self._status.shutdown(socket.SHUT_WR)
        return not data or self.flooded

    def _memory(self, text: str) -> int:
        """A file in memory that holds the text; the program reads it as a file."""
        descriptor = os.memfd_create("program")
        self._theirs.callback(os.close, descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(text.encode(errors="surrogatepass"))
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def _pipe(self) -> int:
        reading, writing = os.pipe()
        self._ours.callback(os.close, reading)
        self._theirs.callback(os.close, writing)
        os.set_blocking(reading, False)
        self.descriptors.append(writing)
        return reading

    def _socket(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._ours.callback(ours.close)
        self._theirs.callback(theirs.close)
        ours.setblocking(False)
        self.descriptors.append(theirs.fileno())
        return ours
