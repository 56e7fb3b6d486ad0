from __future__ import annotations

import errno
import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evolve.journal import Journal, RunLog, Timings, redact
from tasks.errors import DataError, UserError

_rows = st.lists(
    st.fixed_dictionaries({"loss": st.floats(allow_nan=False, allow_infinity=False), "note": st.text(max_size=5)}),
    max_size=4,
)


def _write(journal, key, rows):
    journal.begin(key)
    for row in rows:
        journal.append(key, [row])


@settings(max_examples=40)
@given(done=st.lists(_rows, max_size=2), unfinished=_rows, data=st.data())
def test_killed_anywhere_a_stage_begun_again_gives_the_same_bytes(done, unfinished, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "metrics.jsonl")
        journal = Journal(path)
        for number, rows in enumerate(done):
            _write(journal, f"round_{number}/search", rows)
        committed = path.stat().st_size if path.exists() else 0
        _write(journal, "round_9/ppm", unfinished)
        whole = path.read_bytes() if path.exists() else b""
        for _ in range(data.draw(st.integers(1, 3))):
            size = path.stat().st_size if path.exists() else 0
            if size:
                os.truncate(path, data.draw(st.integers(committed, size)))
            restarted = Journal(path)
            restarted.begin("round_9/ppm")
            for row in unfinished[: data.draw(st.integers(0, len(unfinished)))]:
                restarted.append("round_9/ppm", [row])
        _write(Journal(path), "round_9/ppm", unfinished)
        assert (path.read_bytes() if path.exists() else b"") == whole


def test_rows_are_live_and_led_by_their_stage(tmp_path):
    journal = Journal(tmp_path / "metrics.jsonl")
    journal.append("round_1/policy", [{"step": 1, "loss": 2.5}, {"step": 2, "loss": 2.25}])
    assert (tmp_path / "metrics.jsonl").read_text().splitlines()[0] == (
        '{"stage": "round_1/policy", "step": 1, "loss": 2.5}'
    )
    assert [row["loss"] for row in journal.rows()] == [2.5, 2.25]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused_with_its_name(tmp_path, bad):
    journal = Journal(tmp_path / "metrics.jsonl")
    with pytest.raises(UserError, match=r"round_2/ppm: metric losses\.pairs\[1\] is -?(nan|inf)"):
        journal.append("round_2/ppm", [{"step": 1}, {"losses": {"pairs": [0.5, bad]}}])
    assert not (tmp_path / "metrics.jsonl").exists()


def test_a_row_may_not_pose_as_another_stage(tmp_path):
    with pytest.raises(ValueError, match="its own 'stage'"):
        Journal(tmp_path / "metrics.jsonl").append("a", [{"stage": "b"}])


@pytest.mark.parametrize("line", ["not json", "[1]", '{"loss": 1}'])
def test_a_damaged_line_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"stage": "a"}}\n{line}\n{{"stage": "b"}}\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl, line 2: "):
        Journal(path).begin("b")


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    path = tmp_path / "metrics.jsonl"
    journal = Journal(path)
    journal.append("a", [{"step": 1}])
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*metrics\.jsonl: the disk is full"):
        journal.append("a", [{"step": 2}])
    assert path.read_bytes() == before


def test_timings_count_a_stage_once_and_the_time_of_every_attempt(tmp_path):
    timings = Timings(tmp_path / "timings.jsonl")
    assert timings.summary().total_seconds == 0
    timings.record("round_1/search", 10.0, 500.0)
    with (tmp_path / "timings.jsonl").open("a") as file:
        file.write('{"stage": "round_1/se')  # killed here; the next record must not be glued to it
    timings.record("round_1/search", 12.0, 400.0)
    timings.record("round_1/ppm", 3.0, 450.0)
    summary = timings.summary()
    assert summary.by_stage == {"round_1/search": 12.0, "round_1/ppm": 3.0}
    assert (summary.total_seconds, summary.peak_memory_mb) == (25.0, 500.0)


def test_the_log_says_what_ended_the_work(tmp_path):
    log = RunLog(tmp_path / "log.txt")
    log.stopped(KeyboardInterrupt())
    log.stopped(UserError("the disk is full"))
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert [line[21:] for line in lines] == ["interrupted", "stopped: UserError: the disk is full"]


def test_the_log_is_stamped_indented_and_redacted(tmp_path):
    log = RunLog(tmp_path / "log.txt")
    log.write("round 1 begins\nWANDB_API_KEY=0123456789")
    log.write("\ud800 from a model")
    first, second, third = (tmp_path / "log.txt").read_text().splitlines()
    assert first.endswith("  round 1 begins")
    assert second == "    WANDB_API_KEY=[redacted]"
    assert third.endswith("from a model")


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop1234",
        "hf_abcdefghijklmnopqrstuv",
        "0123456789abcdef0123456789abcdef01234567",
        "ghp_abcdefghijklmnopqrstuv",
    ],
)
def test_secrets_are_blotted_out(secret):
    assert redact(f"logging in with {secret}, done") == "logging in with [redacted], done"


def test_a_secret_of_the_environment_is_blotted_out(monkeypatch):
    monkeypatch.setenv("MY_SERVICE_TOKEN", "plain words here")
    assert redact("sent plain words here") == "sent [redacted]"
    assert redact('{"api_key": "abc", "x": 1}') == '{"api_key": "[redacted]", "x": 1}'
    assert redact("http://me:pw@host/") == "http://[redacted]@host/"


@pytest.mark.parametrize(
    "text",
    ["generated_tokens: 512", "task-12 risk-averse-people-like-this", "sha256 " + "ab" * 32, "a secret of success"],
)
def test_ordinary_text_is_left_alone(text):
    assert redact(text) == text
