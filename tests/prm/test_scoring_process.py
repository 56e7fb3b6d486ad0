"""The process that scores with vLLM: waits that end, deaths that are noticed, nothing left behind. Needs no vLLM."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

import prm.scoring_process
from lm.vllm_start import VllmSettings
from prm.scoring_process import ScoringProcess
from tasks.errors import DataError, UserError
from tests.prm import broken_child, scripted_child

ROWS = [(1, 2, 3), (4,), (5, 6), (7, 8, 9, 10), (11,)]


@pytest.fixture
def start(monkeypatch, tmp_path):
    """Starts a process around the given child."""
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(prm.scoring_process, "_GRACE_SECONDS", 0.2)
    started = []

    def begin(child=scripted_child.serve_scripted, timeout_s=300.0):
        monkeypatch.setattr(prm.scoring_process, "_serve", child)
        started.append(ScoringProcess(VllmSettings(tmp_path, timeout_s=timeout_s)))
        return started[-1]

    yield begin
    for process in started:
        process.close()
    assert not multiprocessing.active_children()


def test_scores_come_in_the_order_of_the_rows(start):
    process = start()
    assert process.context == 64
    assert process.score(ROWS) == [(n, float(sum(row)), 0) for n, row in enumerate(ROWS)]
    assert process.score([]) == []
    assert [cached for _, _, cached in process.score(ROWS)] == [3, 1, 2, 4, 1]
    process.forget()
    assert [cached for _, _, cached in process.score(ROWS[:1])] == [0]


def test_its_death_is_noticed_at_once_and_told(start):
    process = start(broken_child.serve_then_die)
    began = time.monotonic()
    for _ in range(2):  # and again, however often it is asked
        with pytest.raises(UserError, match=r"died \(exit code -9\): often out of memory; start the same command"):
            process.score(ROWS)
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("rows", [ROWS, [tuple(range(60))] * 50_000])  # the second is more than a pipe holds
def test_silence_ends_after_the_deadline(start, rows):
    process = start(broken_child.serve_silence)
    process._timeout_s = 0.5
    began = time.monotonic()
    with pytest.raises(UserError, match=r"no sign of life for engine\.timeout_s=0\.5 seconds"):
        process.score(rows)
    assert 0.5 <= time.monotonic() - began < 60


def test_what_the_child_says_against_the_folder_is_raised_here(start, tmp_path):
    with pytest.raises(DataError, match=f"^{tmp_path}: no$"):
        start(broken_child.serve_refusal)


def test_it_ends_with_its_parent(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    parent = multiprocessing.get_context("spawn").Process(target=scripted_child.hold, args=(tmp_path,))
    parent.start()
    _wait_until((tmp_path / "pid").exists, 300)
    child = int((tmp_path / "pid").read_text())
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    _wait_until(lambda: not _is_alive(child), 60)


def _is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _wait_until(condition, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
