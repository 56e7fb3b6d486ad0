"""A comparison from end to end: its record, its resumption, and what fails alone."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from compare.arms.on_policy import on_policy
from compare.arms.run import RECIPES
from compare.budget import Budget
from compare.config import ArmConfig, Recipe, Scores
from compare.ledger import UNCHARGED
from lm.folder import save_model
from policy.credit.config import CreditConfig, CreditName
from prm.model import new_scorer_from_policy
from tasks.errors import UserError
from tests.compare.tiny_compare import assert_same_comparison, kill_when_done, run_comparison, tiny_comparison

FEW = ("sft", "sft_more", "grpo_outcome", "oracle")


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The folder of a finished comparison, two seeds. Read only."""
    root = tmp_path_factory.mktemp("reference") / "mine"
    run_comparison(root, tiny_comparison(*FEW, seeds=2))
    return root


@pytest.fixture(scope="module")
def results(reference):
    return json.loads((reference / "summary.json").read_text())


def test_every_arm_and_seed_is_there_with_its_account(results):
    assert list(results["arms"]) == list(FEW)
    for name, row in results["arms"].items():
        assert list(row["seeds"]) == ["0", "1"], name
        for each in row["seeds"].values():
            assert "failed" not in each
            assert each["curve"][0] == [0.0, each["start_accuracy"]]
            assert each["curve"][-1][1] == each["final_accuracy"]


def test_arms_share_their_cold_start(results):
    for seed in ("0", "1"):
        starts = {row["seeds"][seed]["start_accuracy"] for row in results["arms"].values()}
        assert len(starts) == 1


def test_no_arm_spends_more_than_the_budget_and_none_stops_early(results):
    for name, row in results["arms"].items():
        for each in row["seeds"].values():
            spent = each["ledger"]["charged"]["computed"] / results["budget"]["amount"]
            assert spent == 0 if name == "sft" else 0.8 < spent <= 1, name


def test_judging_is_recorded_and_free(results):
    ledger = results["arms"]["oracle"]["seeds"]["0"]["ledger"]
    assert {"evaluation", "audit"} <= set(ledger["phases"]) & UNCHARGED
    assert ledger["phases"]["evaluation"]["tokens"]["policy"]["generated"] > 0
    phases = [phase for name, phase in ledger["phases"].items() if name not in UNCHARGED]
    assert ledger["charged"]["flops"] == sum(phase["flops"] for phase in phases)
    assert all(phase["seconds"] > 0 for phase in phases)


def test_the_reports_are_written(reference):
    assert {"REPORT.md", "report.html", "summary.json", "metrics.jsonl"} <= {path.name for path in reference.iterdir()}
    assert "| grpo_outcome |" in (reference / "REPORT.md").read_text()


def test_workers_change_nothing(reference, tmp_path):
    root = tmp_path / "mine"
    run_comparison(root, tiny_comparison(*FEW, seeds=2, workers=2))
    assert_same_comparison(root, reference, neutral=True)


def test_a_finished_comparison_started_again_runs_nothing(reference, tmp_path):
    root = tmp_path / "mine"
    config = tiny_comparison("grpo_outcome")
    run_comparison(root, config)
    made = {path: path.stat().st_mtime_ns for path in root.glob("seed_0/**/*") if path.is_file()}
    run_comparison(root, config)
    assert {path: path.stat().st_mtime_ns for path in root.glob("seed_0/**/*") if path.is_file()} == made


def test_killed_and_taken_up_it_ends_with_the_same_bytes(reference, tmp_path):
    root, config = tmp_path / "mine", tiny_comparison(*FEW, seeds=2)
    for stages in (1, 3, 5, 8, 10):  # killed as soon as so many are done; after the last one reports are written
        done = finished_policies(root)
        kill_when_done(root, config, stages)
        assert done.items() <= finished_policies(root).items(), "what was finished is not run again"
    run_comparison(root, config)
    assert_same_comparison(root, reference)


def finished_policies(root):
    """When the policy of each finished arm and seed was written."""
    made = {}
    for mark in root.glob("seed_*/.stages/*.json"):
        policy = mark.parents[1] / mark.stem / "policy" / "model.safetensors"
        if policy.exists():
            made[policy] = policy.stat().st_mtime_ns
    return made


def test_what_failed_in_one_seed_is_told_and_tried_again(reference, tmp_path, monkeypatch):
    def nan_in_seed_1(course):
        if course.work.seed == 1:
            raise UserError("arm grpo_outcome has diverged: NaN; lower the learning rate")
        on_policy(course)

    root, config = tmp_path / "mine", tiny_comparison(*FEW, seeds=2)
    with monkeypatch.context() as patch:
        patch.setitem(RECIPES, Recipe.ON_POLICY, nan_in_seed_1)
        results = run_comparison(root, config)
    row = results["arms"]["grpo_outcome"]
    assert "failed" not in row["seeds"]["0"]
    assert row["mean"] == row["seeds"]["0"]["final_accuracy"], "the seeds that there are count"
    assert "NaN" in row["seeds"]["1"]["failed"]
    report = (root / "REPORT.md").read_text()
    assert "FAILED: grpo_outcome, seed 1: arm grpo_outcome has diverged: NaN" in report
    assert "| grpo_outcome | outcome | 1 (1 failed) |" in report
    run_comparison(root, config)
    assert_same_comparison(root, reference)


def test_arms_and_seeds_can_be_added(reference, tmp_path):
    root = tmp_path / "mine"
    run_comparison(root, tiny_comparison("grpo_outcome"))
    policy = root / "seed_0/grpo_outcome/policy/model.safetensors"
    made = policy.stat().st_mtime_ns
    run_comparison(root, tiny_comparison(*FEW, seeds=2))
    assert policy.stat().st_mtime_ns == made
    wanted = (reference / "seed_1/oracle/policy/model.safetensors").read_bytes()
    assert (root / "seed_1/oracle/policy/model.safetensors").read_bytes() == wanted


def test_a_finished_arm_cannot_become_another(reference, tmp_path):
    root = tmp_path / "mine"
    config = tiny_comparison("grpo_outcome")
    run_comparison(root, config)
    other = replace(config, arms={"grpo_outcome": ArmConfig(learning_rate=0.5)})
    with pytest.raises(UserError, match="holds arm grpo_outcome with other options"):
        run_comparison(root, other)


def test_an_arm_that_fails_holds_nobody_up(tmp_path):
    """One diverges, one asks for what it has not got, one cannot be: each is told in a sentence, the others go on."""
    arms = {
        "good": ArmConfig(),
        "diverging": ArmConfig(learning_rate=1e30),  # the first update leaves weights that are not numbers
        "unscored": ArmConfig(credit=CreditConfig(name=CreditName.PROCESS)),
        "treeless": ArmConfig(scores=Scores.TREE),
    }
    root = tmp_path / "mine"
    results = run_comparison(root, tiny_comparison(arms=arms))
    failed = {name: row["seeds"]["0"].get("failed") for name, row in results["arms"].items()}
    assert failed["good"] is None
    assert "lower the learning rate" in failed["diverging"]
    assert "needs step scores; set arms.unscored.scores" in failed["unscored"]
    assert "set arms.treeless.tree=true" in failed["treeless"]
    report = (root / "REPORT.md").read_text()
    assert all(name in report for name in arms)
    assert "FAILED" in report


@pytest.fixture
def flawed_ppm(reference, tmp_path):
    """A PPM with a weight that is not a number."""
    model, tokenizer = new_scorer_from_policy(reference / "seed_0/cold_start", seed=0)
    with torch.no_grad():
        next(model.parameters())[:] = math.nan
    save_model(model, tokenizer, tmp_path / "flawed")
    return tmp_path / "flawed"


def test_a_nan_fails_its_own_arm_alone(flawed_ppm, tmp_path, monkeypatch):
    """In the weights from the first update on, and in what a learned reward says."""

    def begin(course):
        changed = course.policy.changed

        def spoil():
            with torch.no_grad():
                next(course.policy.model.parameters())[:] = math.nan
            changed()

        if course.work.name == "weights":
            course.policy.changed = spoil
        on_policy(course)

    monkeypatch.setitem(RECIPES, Recipe.ON_POLICY, begin)
    follows = {"credit": CreditConfig(name=CreditName.PROCESS), "scores": Scores.PPM}
    arms = {"weights": ArmConfig(), "reward": ArmConfig(ppm=str(flawed_ppm), **follows), "sound": ArmConfig()}
    root = tmp_path / "mine"
    results = run_comparison(root, tiny_comparison(arms=arms, budget=Budget(tokens=12_000)))
    failed = {name: row["seeds"]["0"].get("failed") for name, row in results["arms"].items()}
    assert failed["sound"] is None
    assert "not finite; lower the learning rate" in failed["weights"]
    assert "arm reward" in failed["reward"]
    assert "not finite" in failed["reward"]
    assert all(f"FAILED: {name}, seed 0: " in (root / "REPORT.md").read_text() for name in ("weights", "reward"))


def test_a_budget_too_small_for_one_update_is_told(tmp_path):
    results = run_comparison(tmp_path / "mine", tiny_comparison("grpo_outcome", "sft", budget=Budget(tokens=100)))
    assert "raise budget.tokens" in results["arms"]["grpo_outcome"]["seeds"]["0"]["failed"]
    assert "failed" not in results["arms"]["sft"]["seeds"]["0"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": Budget(tokens=1e6, flops=1e9)}, "set one of budget.tokens, budget.flops, and not 2"),
        ({"arms": {}}, "a comparison needs arms"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"reach": 40.0}, "reach must lie above 0 and at most at 1"),
        ({"references": []}, "references must name at least one arm"),
    ],
)
def test_what_makes_all_of_it_impossible_is_refused_before_anything_is_written(tmp_path, changes, said):
    root = tmp_path / "mine"
    with pytest.raises(UserError, match=said):
        run_comparison(root, tiny_comparison("sft", **changes))
    assert not (root / "run.json").exists()
