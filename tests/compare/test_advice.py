"""What an arm is told to lower: options that its recipe reads, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from compare.arms.advice import before_updates, in_an_update
from compare.arms.work import ArmWork, Trees
from compare.budget import Budget
from tests.compare.tiny_compare import run_comparison, tiny_comparison


def work(name, grown=False, shared=False):
    trees = Trees(Path("trees"), {}, shared=shared) if grown or shared else None
    return ArmWork(tiny_comparison(name), name, 0, Path("start"), [], trees, Path("out"))


TREES = ", or lower search.group or search.rollouts"


@pytest.mark.parametrize(
    ("given", "before", "update"),
    [
        (work("sft_more"), "", ", or lower tuning.batch_rows"),
        (work("rft"), ", or lower rl.problems or rl.group", ", or lower tuning.batch_rows"),
        (work("rft", shared=True), TREES, ", or lower tuning.batch_rows"),
        (work("rstar", grown=True), TREES, ", or lower tuning.batch_rows"),
        (work("grpo_ppm", grown=True), TREES, ", or lower rl.problems or rl.group"),
        (work("grpo_ppm", shared=True), TREES, ", or lower rl.problems"),
        (work("ppo_bt"), ", or lower rl.problems or rl.group", ", or lower rl.problems or rl.group"),
        (work("tree_q"), "", ", or lower rl.problems or tree.rollouts"),
        (work("step_delta"), "", ", or lower rl.problems or rl.group or arms.step_delta.continuations"),
    ],
)  # fmt: skip
def test_only_what_the_recipe_reads_is_named(given, before, update):
    assert (before_updates(given), in_an_update(given)) == (before, update)


def test_it_is_told_when_the_budget_is_too_small(tmp_path):
    results = run_comparison(tmp_path / "mine", tiny_comparison("grpo_ppm", "rft", budget=Budget(tokens=300)))
    said = {name: row["seeds"]["0"]["failed"] for name, row in results["arms"].items()}
    assert said["grpo_ppm"].endswith("raise budget.tokens, or lower search.group or search.rollouts")
    assert said["rft"].endswith("raise budget.tokens, or lower rl.problems or rl.group")
    assert results["arms"]["grpo_ppm"]["seeds"]["0"]["links"], "the trees that were grown can be looked at all the same"
