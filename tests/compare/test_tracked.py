"""Each arm and seed is a Weights & Biases run of its own, grouped by arm; a stand-in for wandb listens."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import pytest

from evolve.config import WandbConfig, WandbMode
from tests.compare.tiny_compare import run_comparison, tiny_comparison

TRL = ("reward", "reward_std", "frac_reward_zero_std", "entropy", "clip_ratio/region_mean", "num_tokens",
       "completions/mean_length", "sampling/sampling_logp_difference/mean")  # fmt: skip


class Run:
    def __init__(self, about):
        self.about, self.rows, self.is_finished = about, [], False
        self.id, self.kept = about["id"], {}

    def log_artifact(self, artefact):
        self.kept[artefact.type] = artefact.files

    def log(self, row):
        assert not self.is_finished
        self.rows.append(row)

    def finish(self):
        self.is_finished = True


class Artefact:
    def __init__(self, name, type):
        self.type, self.files = type, []

    def add_file(self, path):
        self.files.append(Path(path).name)


@pytest.fixture
def runs(monkeypatch):
    found = []

    def init(**about):
        found.append(Run(about))
        return found[-1]

    wandb = SimpleNamespace(init=init, Settings=lambda **settings: settings, Table=dict, Artifact=Artefact)
    wandb.__spec__ = ModuleSpec("wandb", None)  # for whoever asks whether it is installed
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    return found


def test_a_run_for_each_arm_and_seed(runs, tmp_path):
    root = tmp_path / "mine"
    config = tiny_comparison("sft", "grpo_outcome", "grpo_ppm", wandb=WandbConfig(mode=WandbMode.OFFLINE))
    run_comparison(root, config)
    groups = [run.about["group"] for run in runs]
    parts = ["cold_start", "trees-0.15-ppm", "grpo_outcome", "grpo_ppm", "report"]
    assert groups == [f"mine/{part}" for part in parts], "sft has no figures"
    by_group = {group.removeprefix("mine/"): run for group, run in zip(groups, runs, strict=True)}
    assert all(run.is_finished and run.about["mode"] == "offline" and run.about["dir"] == root for run in runs)
    assert by_group["grpo_ppm"].about["name"] == "mine seed_0/grpo_ppm"
    assert by_group["grpo_ppm"].about["config"]["arm"] == "grpo_ppm"
    assert by_group["grpo_ppm"].about["config"]["arm_seed"] == 0
    assert len({run.about["id"] for run in runs}) == len(runs)
    heard = {name for row in by_group["grpo_ppm"].rows for name in row}
    assert {*TRL, "hack/learned", "hack/true", "ledger/spent", "ledger/flops", "eval/accuracy"} <= heard
    trees = {name for row in by_group["trees-0.15-ppm"].rows for name in row}
    assert {"search/solved", "search/pairs", "ppm/loss", "ppm/grad_norm"} <= trees
    assert by_group["report"].kept == {
        "report": ["REPORT.md", "report.html", "summary.json"], "trees": ["report.html", "inspector.html"],
    }  # fmt: skip
    (table,) = (row["trees"] for row in by_group["report"].rows)
    assert table["columns"][0] == "seed"
    assert table["data"][0][-1] == "trees-0.15-ppm.trees-00000"
    before = len(runs)
    run_comparison(root, config)
    assert [run.about["group"] for run in runs[before:]] == ["mine/report"], "what is done is not told again"
