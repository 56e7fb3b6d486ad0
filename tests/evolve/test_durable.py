from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path

import pytest

from tasks.durable import (
    atomic_dir,
    atomic_path,
    sha256_file,
    sweep_temporaries,
    write_bytes_atomic,
    write_json_atomic,
    write_text_atomic,
)
from tasks.errors import UserError
from tests.evolve.kills import die_at

OLD, NEW = b"old content", b"new content, longer than the old one"


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_old_or_new_wherever_the_process_is_killed(tmp_path):
    target = tmp_path / "metrics.json"
    seen = set()
    for point in range(50):
        target.write_bytes(OLD)
        was_killed = die_at(point, lambda: write_bytes_atomic(target, NEW))
        seen.add(target.read_bytes())
        sweep_temporaries(tmp_path)
        assert _names(tmp_path) == ["metrics.json"]
        if not was_killed:
            break
    assert point >= 4, "killed before the write, both fsyncs and the rename"
    assert seen == {OLD, NEW}
    assert target.read_bytes() == NEW


def test_a_folder_is_old_new_or_absent_wherever_the_process_is_killed(tmp_path):
    def write(content):
        with atomic_dir(tmp_path / "model") as folder:
            (folder / "nested").mkdir()
            (folder / "nested" / "a").write_bytes(content)
            (folder / "b").write_bytes(content)

    seen = set()
    for point in range(50):
        write(OLD)
        was_killed = die_at(point, lambda: write(NEW))
        sweep_temporaries(tmp_path)
        assert _names(tmp_path) in ([], ["model"])
        seen.add(tuple(path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()))
        if not was_killed:
            break
    assert point >= 8
    assert seen == {(OLD, OLD), (NEW, NEW), ()}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, number, failing):
    target = tmp_path / "trees.jsonl.gz"
    target.write_bytes(OLD)

    def fail(*arguments, **keywords):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(UserError, match=r"cannot write .*trees\.jsonl\.gz: the disk .*; make room and start"):
        write_bytes_atomic(target, NEW)
    assert _names(tmp_path) == ["trees.jsonl.gz"]
    assert target.read_bytes() == OLD


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_kernel_s_own_full_disk(tmp_path):
    def write():
        with atomic_path(tmp_path / "x") as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_bytes(NEW)

    with pytest.raises(UserError, match="the disk is full"):
        write()
    assert _names(tmp_path) == []


def test_a_full_disk_met_by_a_rust_writer(tmp_path):
    def write():
        with atomic_dir(tmp_path / "policy") as folder:
            (folder / "model.safetensors").write_bytes(b"half")
            raise RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)")

    with pytest.raises(UserError, match="the disk is full"):
        write()
    assert _names(tmp_path) == []


def test_a_refused_write_names_the_path(tmp_path, monkeypatch):
    def refuse(self, *arguments, **keywords):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(UserError, match=r"cannot write .*a\.txt: permission is denied; choose"):
        write_text_atomic(tmp_path / "a.txt", "text")


def test_an_input_that_may_not_be_read_is_not_blamed_on_the_output(tmp_path):
    with pytest.raises(PermissionError), atomic_path(tmp_path / "out"):
        raise PermissionError(errno.EACCES, "Permission denied", "/elsewhere/input.jsonl")


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(UserError, match=r"config\.yaml: .*/runs is a file, not a folder"):
        write_text_atomic(tmp_path / "runs" / "mine" / "config.yaml", "x")


def test_any_other_error_leaves_the_target_and_no_temporary(tmp_path):
    target = tmp_path / "a"
    target.write_bytes(OLD)

    def write():
        with atomic_path(target) as temporary:
            temporary.write_bytes(NEW)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert _names(tmp_path) == ["a"]
    assert target.read_bytes() == OLD


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with atomic_path(tmp_path / "a") as first, atomic_path(tmp_path / "a") as second:
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a").read_text() == "first"
    assert _names(tmp_path) == ["a"]


def test_sweep_takes_only_temporaries(tmp_path):
    kept = [".hidden", "a.tmp", ".a.tmp", "round_1/.stages/x.json", "round_1/.b.12.tmp"]
    swept = [".a.12-0.tmp", "round_1/.trees.jsonl.gz.7-13.tmp", "round_1/.policy.7-1.tmp/config.json"]
    for name in kept + swept:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".latest.1-0.tmp").symlink_to("round_1")
    assert sweep_temporaries(tmp_path) == 4
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)


def test_json_is_stable_and_finite(tmp_path):
    write_json_atomic(tmp_path / "a.json", {"b": 1, "a": [0.1, "\ud800é"]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text) == {"b": 1, "a": [0.1, "\ud800é"]}
    with pytest.raises(ValueError, match="Out of range float"):
        write_json_atomic(tmp_path / "a.json", {"loss": math.nan})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == text


def test_sha256_of_a_known_text(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_file(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
