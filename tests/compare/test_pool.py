"""With ``shared_pool`` all arms of a seed learn from the same trajectories, each pays for them, and none samples."""

from __future__ import annotations

import json

import pytest

from compare.arms.pool import Pool, from_start, read_groups
from compare.check_arm import check_arm
from compare.config import check
from compare.ledger import UNCHARGED
from lm.rows import TextRow
from policy.grpo import CreditedGroup, CreditedRow
from tasks.errors import UserError
from tasks.registry import build_task
from tests.compare.tiny_compare import (
    ARMS,
    arm_config,
    assert_same_comparison,
    kill_when_done,
    run_comparison,
    tiny_comparison,
)

REFUSED = ("planted", "ppo_bt", "r1")
FROM_POOL = [name for name in ARMS if name not in ("sft", "sft_more", *REFUSED)]
WITH_PPM = [name for name in FROM_POOL if arm_config(name).needs_ppm]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pool") / "shared"
    run_comparison(root, tiny_comparison(*ARMS, shared_pool=True, pool=0.25))
    return root


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "summary.json").read_text())


def phases(results, name):
    ledger = results["arms"][name]["seeds"]["0"]["ledger"]["phases"]
    return {phase: account for phase, account in ledger.items() if phase not in UNCHARGED}


def test_an_arm_that_samples_pairs_of_its_own_is_refused_and_the_others_go_on(results):
    failed = {
        name: row["seeds"]["0"]["failed"] for name, row in results["arms"].items() if "failed" in row["seeds"]["0"]
    }
    assert set(failed) == set(REFUSED)
    assert "shared_pool=true gives every arm the same trajectories" in failed["ppo_bt"]


def test_there_is_one_pool_and_one_ppm_on_it(folder):
    made = {path.name for path in (folder / "seed_0").iterdir() if not path.name.startswith(".")}
    assert made - set(ARMS) == {"cold_start", "pool", "pool-ppm"}


@pytest.mark.parametrize("name", FROM_POOL)
def test_an_arm_pays_for_the_pool_and_samples_nothing_to_learn_from(results, name):
    spent = phases(results, name)
    assert spent["trees"]["tokens"] == phases(results, "grpo_outcome")["trees"]["tokens"]
    assert spent["trees"]["tokens"]["policy"]["generated"] > 0
    assert "sampling" not in spent
    assert ("ppm_training" in spent) == (name in WITH_PPM or name == "implicit")  # a model of its own
    assert results["arms"][name]["seeds"]["0"]["training"]["updates"] > 0


def test_who_trains_on_demonstrations_does_not_pay(results):
    assert set(phases(results, "sft_more")) == {"training"}


def test_arms_see_the_same_rewards_update_by_update(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").open()]
    seen = {
        name: [row["reward"] for row in rows if row["stage"] == f"seed_0/{name}"]
        for name in ("grpo_outcome", "oracle", "tree_q", "grpo_ppm")
    }
    common = min(map(len, seen.values()))
    assert common >= 2
    assert len({tuple(rewards[:common]) for rewards in seen.values()}) == 1


def test_what_is_judged_once_is_paid_for_once(results):
    """A PPM reads each group of the pool at most once, however many epochs there are."""
    spent = phases(results, "grpo_ppm")
    assert spent["scoring"]["tokens"]["ppm"]["scored"] < spent["training"]["tokens"]["policy"]["trained"]


def test_the_pool_is_read_group_by_group_in_one_order(folder):
    groups = read_groups(folder / "seed_0" / "pool")
    assert groups
    assert all(group.is_tree and group.trajectories for group in groups)
    first, second = Pool(groups, 3), Pool(groups, 3)
    taken = [[group.problem.id for group in pool.take(4)] for pool in (first, second) for _ in range(3)]
    assert taken[:3] == taken[3:]
    asked = []

    def judge(new):
        asked.extend(new)
        return [[] for _ in new]

    for _ in range(3):
        first.once(groups[:4], judge)
    assert len(asked) == 4


def test_the_ratio_is_taken_to_the_policy_that_sampled():
    rows = tuple(CreditedRow(TextRow("p", (1,), (2, 3)), [1.0, 1.0], engine=[-0.5, -k]) for k in (1.0, 2.0))
    (found,) = from_start([CreditedGroup("p", rows)])
    assert [list(row.old) for row in found.rows] == [[-0.5, -1.0], [-0.5, -2.0]]


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(UserError, match="pool must lie between 0 and 1, got 1"):
        check(tiny_comparison("sft", pool=1))
    with pytest.raises(UserError, match="an arm cannot be called pool"):
        check(tiny_comparison(arms={"pool": arm_config("sft")}))
    task = build_task(tiny_comparison().task)
    check_arm("ppo_bt", arm_config("ppo_bt"), task)
    with pytest.raises(UserError, match=r"arms\.ppo_bt\.rewards"):
        check_arm("ppo_bt", arm_config("ppo_bt"), task, shared_pool=True)


def test_killed_between_pool_and_arms_it_goes_on_with_the_same_pool(tmp_path):
    config = tiny_comparison("grpo_outcome", "grpo_ppm", shared_pool=True)
    run_comparison(tmp_path / "whole", config)
    root = tmp_path / "mine"
    for stages in (2, 3):  # after the pool, after its PPM
        kill_when_done(root, config, stages)
    run_comparison(root, config)
    assert_same_comparison(root, tmp_path / "whole")
