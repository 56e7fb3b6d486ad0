"""Each arm and seed is a Weights & Biases run of its own, grouped by arm; a stand-in for wandb listens."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from evolve.config import WandbConfig, WandbMode
from tests.compare.tiny_compare import run_comparison, tiny_comparison

TRL = ("reward", "reward_std", "frac_reward_zero_std", "entropy", "clip_ratio/region_mean", "num_tokens",
       "completions/mean_length", "sampling/sampling_logp_difference/mean")  # fmt: skip


class Run:
    def __init__(self, about):
        self.about, self.rows, self.is_finished = about, [], False

    def log(self, row):
        assert not self.is_finished
        self.rows.append(row)

    def finish(self):
        self.is_finished = True


@pytest.fixture
def runs(monkeypatch):
    found = []

    def init(**about):
        found.append(Run(about))
        return found[-1]

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init, Settings=lambda **settings: settings))
    return found


def test_a_run_for_each_arm_and_seed(runs, tmp_path):
    root = tmp_path / "mine"
    config = tiny_comparison("sft", "grpo_outcome", "grpo_ppm", wandb=WandbConfig(mode=WandbMode.OFFLINE))
    run_comparison(root, config)
    by_group = {run.about["group"]: run for run in runs}
    assert list(by_group) == ["cold_start", "trees-0.15-ppm", "grpo_outcome", "grpo_ppm"], "sft has no figures"
    assert all(run.is_finished and run.about["mode"] == "offline" and run.about["dir"] == root for run in runs)
    assert by_group["grpo_ppm"].about["name"] == "mine seed_0/grpo_ppm"
    assert by_group["grpo_ppm"].about["config"]["arm"] == "grpo_ppm"
    assert by_group["grpo_ppm"].about["config"]["arm_seed"] == 0
    assert len({run.about["id"] for run in runs}) == len(runs)
    heard = {name for row in by_group["grpo_ppm"].rows for name in row}
    assert {*TRL, "hack/learned", "hack/true", "ledger/spent", "ledger/flops", "eval/accuracy"} <= heard
    trees = {name for row in by_group["trees-0.15-ppm"].rows for name in row}
    assert {"search/solved", "search/pairs", "ppm/loss", "ppm/grad_norm"} <= trees
    before = len(runs)
    run_comparison(root, config)
    assert len(runs) == before, "what is done is not told again"
