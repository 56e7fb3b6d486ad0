"""vLLM's pooling runner in a child process: rows of token ids go in, raw scores come out.

In a process of its own because vLLM keeps process-wide state, so that a process holds one vLLM; the parent may hold
another one, which samples the policy.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import torch

from lm.vllm_start import VllmSettings
from lm.vllm_thread import Ask, VllmThread
from prm.model import raw_scores
from tasks.errors import UserError

_POLL_SECONDS = 1.0  # how late death and silence are noticed at most
_GRACE_SECONDS = 5.0  # the child itself gives up after timeout_s, and knows more about why

Row = tuple[int, ...]
Scored = tuple[int, float, int]
"""The number of a row, its score, and how many of its tokens were kept from earlier rows."""


class ScoringProcess:
    """Starts the child and waits until vLLM is ready. ``context``: the longest row in tokens.

    Every wait ends: with what the child says (UserError, DataError), within a second of its death, and when nothing
    comes for ``settings.timeout_s``. The child ends with its parent, however that ends.
    """

    def __init__(self, settings: VllmSettings) -> None:
        self.path = settings.path
        self._timeout_s = settings.timeout_s
        spawn = multiprocessing.get_context("spawn")
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs, settings), name="vllm-scorer", daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.context: int = self._receive()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The child's number."""
        assert self._process.pid is not None
        return self._process.pid

    def score(self, rows: Sequence[Row]) -> list[Scored]:
        """The score at the last token of each row, in order."""
        self._send(list(rows))
        found: list[Scored] = []
        while len(found) < len(rows):
            found += self._receive()
        return sorted(found)

    def forget(self) -> None:
        """Drop kept keys and values: as if newly started."""
        self._send(None)
        self._receive()

    def close(self) -> None:
        """End the child and give its memory back."""
        self._connection.close()
        self._process.kill()  # there is nothing that it would have to put away
        self._process.join()

    def _send(self, message: Any) -> None:
        # In a thread: a child that does not read must not hold up the one whose wait has an end.
        threading.Thread(target=self._send_now, args=(message,), daemon=True).start()

    def _send_now(self, message: Any) -> None:
        with suppress(OSError):  # whoever waits for the answer tells it
            self._connection.send(message)

    def _receive(self) -> Any:
        deadline = time.monotonic() + self._timeout_s + _GRACE_SECONDS
        try:
            while not self._connection.poll(_POLL_SECONDS):
                if time.monotonic() > deadline:
                    raise self._silent()
            answer = self._connection.recv()
        except (EOFError, ConnectionError):
            raise self._dead() from None
        if isinstance(answer, UserError):
            raise answer
        return answer

    def _silent(self) -> UserError:
        self._process.kill()  # whatever holds it up would hold up its end too
        return UserError(
            f"the vLLM that scores with {self.path} gave no sign of life for engine.timeout_s={self._timeout_s:g} "
            "seconds; raise it if the machine is only slow, and start the same command again to resume"
        )

    def _dead(self) -> UserError:
        self._process.join(_POLL_SECONDS)
        return UserError(
            f"the vLLM that scores with {self.path} died (exit code {self._process.exitcode}): often out of memory; "
            "start the same command again to resume"
        )


# What runs in the child


def _serve(connection: Connection, settings: VllmSettings) -> None:
    """Answer until the parent hangs up: a list of rows with their scores as they come, None after forgetting all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    torch.set_num_threads(1)
    try:
        thread = VllmThread(replace(settings, is_pooling=True))
        connection.send(thread.context)
        while True:
            rows = connection.recv()
            if rows is None:
                connection.send(thread.call(lambda engine: engine.reset_prefix_cache()))
            else:
                _score(connection, thread, rows)
    except UserError as error:
        connection.send(error)
    except (EOFError, ConnectionError):
        pass  # it has hung up


def _score(connection: Connection, thread: VllmThread, rows: list[Row]) -> None:
    params = importlib.import_module("vllm").PoolingParams
    # vLLM keeps notes in its parameters: one a request.
    thread.submit([Ask(str(n), row, params(task="classify", use_activation=False)) for n, row in enumerate(rows)])
    missing = len(rows)
    while missing:
        outputs = thread.receive()
        missing -= len(outputs)
        connection.send([_scored(output) for output in outputs])


def _scored(output: Any) -> Scored:
    score = raw_scores(output.outputs.data.reshape(1, -1))[0]
    return int(output.request_id), float(score), output.num_cached_tokens or 0


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None, "the scorer's process has a parent"
    parent.join()
    os._exit(1)
