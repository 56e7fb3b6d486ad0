"""What a comparison will take, by hand; and that asking for it leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from compare.budget import Budget
from compare.estimate import estimate, print_estimate
from evolve.estimate import Shape, Tokens
from tests.compare.tiny_compare import tiny_comparison

SHAPE = Shape(prompt=10.0, step=5.0, steps=2.0, parameters=1000)  # rows of 20 tokens
RATES = Tokens(generated=100.0, scored=1.0, trained=50.0, paired=1.0)


@pytest.mark.parametrize(
    ("budget", "seconds"),
    [
        (Budget(flops=8e6), 1000 / 100 + 1000 / 50),  # 1,000 tokens sampled at 2 N and trained on at 6 N
        (Budget(tokens=2000), 1000 / 100 + 1000 / 50),
        (Budget(seconds=30), 30),
    ],
)
def test_an_estimate_by_hand(budget, seconds):
    config = replace(tiny_comparison("sft_more", "grpo_outcome"), budget=budget, seeds=3)
    starts, arms = estimate(config, SHAPE, RATES)
    cold = config.policy.cold_start
    judged = 12 * 10 / 100
    assert starts.seconds == pytest.approx(cold.demonstrations * 20 * cold.optimiser.epochs / 50 + judged)
    assert (starts.jobs, arms.jobs) == (3, 6)
    assert arms.seconds == pytest.approx(seconds + 3 * judged)
    assert arms.minutes(workers=4) == pytest.approx(2 * arms.seconds / 60), "6 jobs on 4 workers: two waves"
    assert arms.minutes(workers=0) == pytest.approx(6 * arms.seconds / 60)


def test_the_estimate_names_arms_budget_and_minutes(tmp_path):
    console = Console(width=200, record=True, file=(tmp_path / "out").open("w"))
    config = tiny_comparison("sft_more", "grpo_outcome")
    print_estimate(config, {"name": "tiny"}, console)
    text = console.export_text()
    assert "name: tiny" in text
    assert "arms: sft_more, grpo_outcome; 1 seed of each" in text
    assert f"budget: {config.budget.tokens:,} tokens for each arm and seed" in text
    assert "cold starts" in text
    assert "tokens/s sampled" in text
