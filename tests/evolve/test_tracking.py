"""Weights & Biases beside the record: groups, names, and a run that is taken up again."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from evolve.config import WandbConfig, WandbMode
from evolve.stages import NoTracker
from evolve.tracking import tracking

OFFLINE = WandbConfig(mode=WandbMode.OFFLINE, project="p")


@pytest.fixture
def begun(monkeypatch):
    """What ``wandb.init`` was asked for, and what its runs heard."""
    found = []

    def init(**about):
        about |= {"rows": [], "finished": 0}
        found.append(about)

        def finish():
            about["finished"] += 1

        return SimpleNamespace(log=about["rows"].append, finish=finish)

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Settings=lambda **settings: settings))
    return found


def test_switched_off_it_needs_no_wandb(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # an import would fail
    with tracking(WandbConfig(mode=WandbMode.DISABLED), tmp_path, {}) as tracker:
        assert isinstance(tracker, NoTracker)
        tracker.log({"loss": 1.0})


def test_a_run_hears_its_rows_and_is_finished_whatever_happens(tmp_path, begun):
    def fail_after_a_row():
        with tracking(OFFLINE, tmp_path / "demo", {"seed": 3}) as tracker:
            tracker.log({"loss": 1.0})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_a_row()
    (run,) = begun
    assert run["rows"] == [{"loss": 1.0}]
    assert (run["finished"], run["mode"], run["project"], run["group"]) == (1, "offline", "p", None)
    assert (run["name"], run["config"], run["resume"]) == ("demo", {"seed": 3}, "allow")


def test_parts_of_a_folder_are_runs_of_their_own_and_taken_up_as_themselves(tmp_path, begun):
    for name in ("seed_0/grpo", "seed_1/grpo", "seed_0/grpo"):
        with tracking(OFFLINE, tmp_path / "mine", {}, name, "grpo"):
            pass
    assert [run["group"] for run in begun] == ["grpo"] * 3
    assert [run["name"] for run in begun][:2] == ["mine seed_0/grpo", "mine seed_1/grpo"]
    ids = [run["id"] for run in begun]
    assert ids[0] == ids[2] != ids[1]
