"""The warm server of a tier as its user sees it: started when first needed, started again when dead, gone at exit."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tasks.sandbox.bwrap import bwrap_command
from tasks.sandbox.execution import Tier
from tasks.sandbox.limits import Limits
from tasks.sandbox.view import library_view, python_program

_START_SECONDS = 120.0
_STOP_SECONDS = 5.0
_ENVIRONMENT = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ROOT = Path(__file__).resolve().parents[2]
_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from tasks.sandbox.inside.server import main; main()"
_ALL: weakref.WeakSet[WarmServer] = weakref.WeakSet()


def request(control: socket.socket, limits: Limits, descriptors: Sequence[int]) -> None:
    """Ask for one program. Raises OSError if the server died."""
    message = json.dumps({"seconds": limits.seconds, "memory": limits.memory_mb << 20}).encode()
    socket.send_fds(control, [message], descriptors)


class Unavailable(Exception):
    """This machine does not allow the tier; says why."""


class WarmServer:
    """One server process. Threads may send at once; a forked child of this process opens its own."""

    def __init__(self, tier: Tier, library: str = "") -> None:
        self.tier = tier
        self._library = library
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        _ALL.add(self)

    def start(self) -> socket.socket:
        """The control socket of a living server. Raises ``Unavailable``."""
        with self._lock:
            if self._control is None or self._process is None or self._process.poll() is not None:
                self._stop()
                self._control = self._open()
            return self._control

    def stop(self, only: socket.socket | None = None) -> None:
        """End the server and every program in it. It starts again when it is asked for one.

        ``only``: the one with this control socket, not another that somebody started since.
        """
        with self._lock:
            if only is None or only is self._control:
                self._stop()

    def forget(self) -> None:
        """In a forked child: let go of the parent's server without ending it."""
        self._lock = threading.Lock()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.returncode = 0  # not a child of this process, so never to be waited for
        self._control = self._process = None

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                self._command(),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={"PYTHONHASHSEED": "0", **_ENVIRONMENT},
                cwd="/",
                start_new_session=True,
            )
        ours.settimeout(_START_SECONDS)
        told = b""
        with suppress(OSError):  # too late, or it ended
            told = ours.recv(65536)
        reason = json.loads(told).get("failed") if told else self._last_words()
        if reason:
            ours.close()
            self._stop()
            raise Unavailable(reason)
        if self._process.stderr is not None:
            self._process.stderr.close()
        ours.settimeout(_STOP_SECONDS)
        return ours

    def _last_words(self) -> str:
        """What the server, or bubblewrap, said before it ended."""
        assert self._process is not None
        self._process.kill()
        _, said = self._process.communicate(timeout=_STOP_SECONDS)
        lines = said.decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "the server ended before it was ready")

    def _command(self) -> list[str]:
        view = library_view(self._library)
        # no -I: it would drop PYTHONHASHSEED; the environment is empty but for the lines above
        python = [python_program(), "-S", "-s", "-P", "-B", "-X", "utf8", "-c", _BOOT]
        config = json.dumps({"tier": self.tier.value, **asdict(view)})
        command = [*python, str(_ROOT), config]
        return bwrap_command(view, _ROOT, command) if self.tier is Tier.BWRAP else command

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(0.0 if self._control is None else _STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(_STOP_SECONDS)
        self._control = self._process = None


def _forget_all() -> None:
    for server in list(_ALL):
        server.forget()


os.register_at_fork(after_in_child=_forget_all)
