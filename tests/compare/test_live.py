"""The engine of a policy in training is compared with the trainer, without a trace in what it counts and keeps."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
import torch

from compare.arms.live import LivePolicy
from compare.budget import Budget
from tasks.errors import UserError
from tasks.problem import Split
from tasks.registry import build_task
from tests.compare.tiny_compare import run_comparison, tiny_comparison


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder and the results of a small comparison."""
    root = tmp_path_factory.mktemp("start") / "it"
    config = tiny_comparison("sft_more", "grpo_outcome", budget=Budget(tokens=12_000))
    return root, run_comparison(root, config)


@pytest.fixture
def policy(finished):
    """Makes the policy of the cold start, sampled in a type of numbers."""
    config = tiny_comparison("sft")

    def make(dtype: str) -> LivePolicy:
        torch.manual_seed(0)
        return LivePolicy(config.policy, replace(config.engine, dtype=dtype), finished[0] / "seed_0" / "cold_start")

    return make


def sampled(policy):
    problems = build_task(tiny_comparison("sft").task).problems(Split.TRAIN, 3)
    return [[one.token_ids for one in group.trajectories] for group in policy.sample(problems, 2, seed=1)]


@torch.no_grad()
def change(policy, by):
    for parameter in policy.model.parameters():
        parameter.add_(by * torch.randn_like(parameter))
    policy.changed()


def test_a_copy_is_compared_after_every_change(policy):
    live = policy("bfloat16")
    sampled(live)
    first = live.gap
    change(live, 0.05)
    sampled(live)
    assert 0 < first != live.gap < 0.2


def test_a_copy_that_stays_behind_is_noticed(policy, monkeypatch):
    live = policy("bfloat16")
    sampled(live)
    monkeypatch.setattr(LivePolicy, "_copy", lambda self: None)
    change(live, 1.0)
    with pytest.raises(UserError, match="does not compute the policy of the arm"):
        sampled(live)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_looking_leaves_no_trace(policy, dtype):
    plain, looking = policy(dtype), policy(dtype)
    for _ in range(2):
        before = torch.get_rng_state()
        wanted = sampled(plain)
        found = sampled(looking)
        assert looking.look() < 0.2
        assert found == wanted
        assert asdict(looking.counts()) == asdict(plain.counts())
        assert torch.equal(torch.get_rng_state(), before)
        for live in (plain, looking):
            live.forget()


def test_the_gap_stands_in_every_row_from_the_first_comparison_on(finished):
    rows = [json.loads(line) for line in (finished[0] / "metrics.jsonl").read_text().splitlines()]
    gaps = {row["stage"]: [] for row in rows if "update" in row}
    for row in rows:
        if "update" in row:
            gaps[row["stage"]].append(row.get("sync/logprob_gap"))
    assert all(gap is not None and gap < 1e-4 for gap in gaps["seed_0/grpo_outcome"])
    assert gaps["seed_0/sft_more"][0] is None, "nothing was sampled yet"
