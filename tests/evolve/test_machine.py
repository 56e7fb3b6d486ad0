from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from evolve import machine
from evolve.machine import REQUIRED, State, examine, satisfies

ROOT = Path(__file__).resolve().parents[2]
KEY = "0123456789" * 4


@pytest.fixture(autouse=True)
def no_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("NETRC", raising=False)


def by_part(outputs=Path("outputs")):
    return {finding.part: finding for finding in examine(outputs)}


def test_the_ranges_are_those_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {name + wanted for name, wanted in REQUIRED.items()} == set(project["dependencies"])


def test_versions_are_compared_as_numbers():
    assert satisfies("5.19.0", ">=5.16.1,<5.20")
    assert satisfies("2.13.0+cpu", ">=2.11")
    assert satisfies("2.13.0rc1", ">=2.11")
    assert not satisfies("5.9.0", ">=5.16.1,<5.20")
    assert not satisfies("5.20.0", ">=5.16.1,<5.20")
    assert not satisfies("unknown", ">=1")


def test_nothing_is_missing_where_the_tests_run():
    assert [finding for finding in by_part().values() if finding.state is State.MISSING] == []


def test_a_library_that_is_not_there_is_missing(monkeypatch):
    versions = {"transformers": "5.20.1", "networkx": None}
    real = machine._version
    monkeypatch.setattr(machine, "_version", lambda name: versions[name] if name in versions else real(name))
    finding = by_part()["libraries"]
    assert finding.state is State.MISSING
    assert finding.found == "transformers 5.20.1 (wanted >=5.16.1,<5.20), networkx not installed (wanted >=3.3)"
    assert finding.advice == "run make setup"


def test_too_little_memory_and_disk_are_missing(monkeypatch):
    monkeypatch.setattr(machine, "memory_gb", lambda: 1.0)
    monkeypatch.setattr(machine, "DISK_GB", 1e12)
    found = by_part()
    assert found["memory"].state is State.MISSING
    assert found["disk"].state is State.MISSING


def test_the_disk_is_that_of_the_nearest_folder_there_is(tmp_path, monkeypatch):
    assert by_part(tmp_path / "a/b/outputs")["disk"].state is State.OK
    monkeypatch.setattr(machine.os, "access", lambda path, mode: False)
    assert str(tmp_path) in by_part(tmp_path / "a/b/outputs")["disk"].found


def test_a_gpu_that_torch_cannot_use_is_said(monkeypatch):
    monkeypatch.setattr(machine, "_torch_gpus", list)
    monkeypatch.setattr(machine, "_driver_gpus", lambda: ["NVIDIA H200, 143771 MiB"])
    finding = by_part()["GPU"]
    assert (finding.found, finding.state) == ("NVIDIA H200, 143771 MiB", State.OPTIONAL)
    assert "CUDA build" in finding.advice


def test_the_wandb_key_is_looked_for_and_never_shown(monkeypatch, tmp_path):
    assert by_part()["wandb"].found == "wandb.mode=offline, API key: no"
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    assert by_part()["wandb"].found.endswith("API key: yes")
    monkeypatch.delenv("WANDB_API_KEY")
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n")
    findings = by_part()
    assert findings["wandb"].found.endswith("API key: yes")
    assert KEY not in repr(findings)
