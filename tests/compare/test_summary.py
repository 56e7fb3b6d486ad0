"""A comparison from invented seeds: what is compared with what, and on which seeds."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from compare.alarm import AlarmConfig
from compare.budget import Budget
from compare.curves import area_under, compute_to_reach
from compare.ledger import Role
from compare.statistics import mcnemar_exact, paired_bootstrap, two_way_bootstrap
from compare.summary import COLD_START, ArmRuns, Supervision, charged, summarise
from evolve.statistics import holm
from tasks.seeding import derive_seed
from tests.compare.invented import arm, comparison, ledger_of

BUDGET = Budget(flops=2.2e12)


@pytest.fixture(scope="module")
def results():
    return summarise(comparison(), BUDGET, seed=4)


def right(runs, name="final_right"):
    return np.array([getattr(run, name) for run in runs.seeds.values()], dtype=float)


def test_it_is_json_with_the_documented_keys(results):
    data = json.loads(json.dumps(results, allow_nan=False))
    assert data["budget"] == {"unit": "flops", "amount": 2.2e12}
    one = data["arms"]["tree_q"]["seeds"]["3"]
    assert {"final_accuracy", "start_accuracy", "curve", "ledger"} <= set(one)
    assert {"a", "b", "difference", "interval", "p"} <= set(data["contrasts"][0])
    assert data["problems"] == 300


def test_an_arms_figures_are_those_of_its_seeds(results):
    runs, row = comparison()["tree_q"], results["arms"]["tree_q"]
    found = two_way_bootstrap(right(runs), derive_seed(4, "arm", "tree_q"))
    assert row["mean"] == pytest.approx(right(runs).mean(), abs=1e-6)
    assert row["interval"] == pytest.approx(found.interval, abs=1e-6)
    assert row["start"] == pytest.approx(right(runs, "start_right").mean(), abs=1e-6)
    curves = [run.curve for run in runs.seeds.values()]
    assert row["area"] == pytest.approx(np.mean([area_under(curve, 2.2e12) for curve in curves]), abs=1e-6)
    assert results["reach"] == results["arms"]["grpo_outcome"]["mean"]
    places = [compute_to_reach(curve, results["reach"]) for curve in curves]
    assert row["reached"] == {"seeds": 5, "compute": pytest.approx(np.median(places))}


def test_every_arm_is_held_against_its_start_and_the_references(results):
    arms = comparison()
    pairs = {(row["a"], row["b"]) for row in results["contrasts"]}
    trained = set(arms) - {"sft", "ppo_gae"}
    assert pairs == {(a, b) for a in trained for b in (COLD_START, "grpo_outcome", "rft", "sft_more") if a != b}
    (row,) = (row for row in results["contrasts"] if (row["a"], row["b"]) == ("tree_q", "grpo_outcome"))
    seed = derive_seed(4, "contrast", "tree_q", "grpo_outcome")
    found = paired_bootstrap(right(arms["tree_q"]), right(arms["grpo_outcome"]), seed)
    assert row["difference"] == pytest.approx(found.mean, abs=1e-6)
    assert row["interval"] == pytest.approx(found.interval, abs=1e-6)
    assert row["p"] == pytest.approx(found.p, abs=1e-6)
    first = mcnemar_exact(right(arms["tree_q"])[0], right(arms["grpo_outcome"])[0])
    assert row["mcnemar"]["0"] == {"only_a": first.only_a, "only_b": first.only_b, "p": first.p}


def test_p_is_corrected_within_a_family_and_ceilings_stand_apart(results):
    rows = [row for row in results["contrasts"] if row["b"] == "grpo_outcome" and row["a"] != "oracle"]
    assert len(rows) == 8
    assert [row["p_holm"] for row in rows] == pytest.approx(holm([row["p"] for row in rows]), abs=1e-5)
    (oracle,) = (row for row in results["contrasts"] if (row["a"], row["b"]) == ("oracle", "grpo_outcome"))
    assert oracle["p_holm"] == oracle["p"]


def test_arms_are_compared_on_the_seeds_that_both_finished():
    arms = {"grpo_outcome": arm(Supervision.OUTCOME, 0.05), "tree_q": arm(Supervision.PROCESS, 0.15)}
    arms["tree_q"] = ArmRuns(Supervision.PROCESS, arms["tree_q"].seeds | {1: "out of memory", 4: "NaN"})
    found = summarise(arms, BUDGET)
    (row,) = (row for row in found["contrasts"] if row["a"] == "tree_q" and row["b"] == "grpo_outcome")
    kept = [0, 2, 3]
    assert list(row["mcnemar"]) == ["0", "2", "3"]
    difference = np.mean(
        [
            np.mean(arms["tree_q"].seeds[seed].final_right) - np.mean(arms["grpo_outcome"].seeds[seed].final_right)
            for seed in kept
        ]
    )
    assert row["difference"] == pytest.approx(difference, abs=1e-6)
    assert found["arms"]["tree_q"]["seeds"]["1"] == {"failed": "out of memory"}
    other = ArmRuns(Supervision.OUTCOME, {9: arm(Supervision.OUTCOME, 0.05).seeds[0]})
    assert not [
        row for row in summarise(arms | {"grpo_outcome": other}, BUDGET)["contrasts"] if row["b"] == "grpo_outcome"
    ], "no seed in common"


def test_an_arm_on_a_fixed_set_has_its_peer_there():
    arms = comparison()
    peers = {name: row["peer"] for name, row in summarise(arms, BUDGET)["arms"].items()}
    assert {peers[name] for name in ("sft_more", "rstar")} == {"rft"}
    assert {peers[name] for name in ("tree_q", "outcome_plus_process", "oracle")} == {"grpo_outcome"}
    assert peers["grpo_outcome"] is peers["rft"] is None
    unfinished = arms | {"rft": ArmRuns(Supervision.OUTCOME, {0: "NaN"}, offline=True)}
    assert summarise(unfinished, BUDGET)["arms"]["rstar"]["peer"] == "grpo_outcome"
    assert summarise(arms, BUDGET, references=["grpo_outcome"])["arms"]["rstar"]["peer"] == "grpo_outcome"


def test_the_accuracy_that_compute_is_told_to_can_be_chosen():
    found = summarise(comparison(), BUDGET, reach=0.999)
    assert found["reach"] == 0.999
    assert found["arms"]["tree_q"]["reached"] == {"seeds": 0, "compute": None}


def test_a_failed_seed_keeps_what_it_left_to_look_at():
    failed = ArmRuns(Supervision.PROCESS, {0: "NaN", 1: "NaN"}, left={0: {"trees": "seed_0/trees/trees.md"}})
    seeds = summarise({"a": failed}, BUDGET)["arms"]["a"]["seeds"]
    assert seeds == {"0": {"failed": "NaN", "links": {"trees": "seed_0/trees/trees.md"}}, "1": {"failed": "NaN"}}


def test_without_a_reference_or_any_finished_seed_there_is_still_a_summary():
    alone = summarise({"tree_q": arm(Supervision.PROCESS, 0.1, seeds=1)}, BUDGET)
    assert [row["b"] for row in alone["contrasts"]] == [COLD_START]
    assert alone["reach"] is None
    nothing = summarise({"tree_q": ArmRuns(Supervision.PROCESS, {0: "no GPU"})}, BUDGET)
    assert nothing["arms"]["tree_q"]["mean"] is None
    assert nothing["contrasts"] == []


def test_a_budget_that_is_not_in_flops_ends_with_the_last_arm():
    arms = {"grpo_outcome": arm(Supervision.OUTCOME, 0.05, seeds=2)}
    curves = [run.curve for run in arms["grpo_outcome"].seeds.values()]
    end = max(curve[-1][0] for curve in curves)
    row = summarise(arms, Budget(tokens=600_000))["arms"]["grpo_outcome"]
    assert row["area"] == pytest.approx(np.mean([area_under(curve, end) for curve in curves]), abs=1e-6)


def test_the_alarm_watches_learned_rewards_only(results):
    sounded = {
        name
        for name, row in results["arms"].items()
        for each in row["seeds"].values()
        if each.get("hacking", {}).get("alarm")
    }
    assert sounded == {"grpo_ppm"}
    assert (results["alarm"]["watched"], results["alarm"]["updates"]) == (10, 24)
    assert results["alarm"]["false_alarms"]["0.0"][0] < 0.01
    assert summarise({"a": arm(Supervision.OUTCOME, 0.05, 1)}, BUDGET)["alarm"] is None
    deaf = summarise({"a": arm(Supervision.PROCESS, 0.05, 1, learned=0.2)}, BUDGET, alarm=AlarmConfig(threshold=1e9))
    assert deaf["arms"]["a"]["seeds"]["0"]["hacking"]["alarm"] is None


def test_what_an_arm_spent_is_the_sum_of_its_finished_seeds(results):
    alone = ledger_of(Supervision.PROCESS)
    total = charged(results["arms"]["tree_q"])
    assert total.flops() == 5 * alone.flops()
    assert total.tokens(Role.PPM).scored == 5 * 150_000


def test_the_same_arms_give_the_same_summary(results):
    assert summarise(comparison(), BUDGET, seed=4) == results


def test_a_run_with_gaps_in_its_figures_is_kept(results):
    runs = arm(Supervision.PROCESS, 0.1, seeds=1, learned=0.2)
    rows = [dict(row) for row in runs.seeds[0].hacking]
    del rows[3]["hack/learned"]
    rows[4]["hack/kl"] = 0.5
    found = summarise({"a": ArmRuns(Supervision.PROCESS, {0: replace(runs.seeds[0], hacking=rows)})}, BUDGET)
    series = found["arms"]["a"]["seeds"]["0"]["hacking"]["series"]
    assert series["hack/learned"][3] is None
    assert series["hack/kl"][3:6] == [None, 0.5, None]
