"""Children of a ScoringProcess that fail it. They import nothing that takes its time, as each test starts one anew."""

from __future__ import annotations

import os
import signal
import time

from tasks.errors import DataError

CONTEXT = 64


def serve_then_die(connection, settings):
    connection.send(CONTEXT)
    connection.recv()
    os.kill(os.getpid(), signal.SIGKILL)


def serve_silence(connection, settings):
    """Reads nothing and says nothing."""
    connection.send(CONTEXT)
    time.sleep(600)


def serve_refusal(connection, settings):
    connection.send(DataError(f"{settings.path}: no"))
