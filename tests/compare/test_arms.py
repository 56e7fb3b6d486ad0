"""Every arm of conf/arm does what its name says, is paid for, and leaves the same bytes when it is done again."""

from __future__ import annotations

import json

import pytest

from compare.check_arm import check_arm
from compare.config import CompareConfig, Recipe
from compare.summary import Supervision
from tasks.errors import UserError
from tasks.registry import build_task
from tests.compare.tiny_compare import ARMS, arm_config, run_comparison, tiny_comparison

SUPERVISION = {
    "sft": Supervision.NONE,
    "sft_more": Supervision.NONE,
    "rft": Supervision.OUTCOME,
    "grpo_outcome": Supervision.OUTCOME,
    "outcome_plus_process": Supervision.BOTH,
    "implicit": Supervision.BOTH,
    "ppo_gae": Supervision.OUTCOME,
    "ppo_bt": Supervision.OUTCOME,
    "graded": Supervision.OUTCOME,
    "distill": Supervision.OUTCOME,
    "r1": Supervision.OUTCOME,
    "min_form_outcome": Supervision.BOTH,
    "oracle": Supervision.ORACLE,
}
PHASES = {
    "sft": set(),
    "sft_more": {"training"},
    "rft": {"sampling", "training"},
    "rstar": {"trees", "ppm_training", "training"},
    "grpo_outcome": {"sampling", "training"},
    "grpo_ppm": {"trees", "ppm_training", "sampling", "scoring", "training"},
    "step_delta": {"sampling", "scoring", "training"},
    "tree_q": {"sampling", "training"},
    "oracle": {"sampling", "training"},
    "step_dpo": {"trees", "reference", "training"},
    "implicit": {"sampling", "scoring", "ppm_training", "training"},
    "ppo_gae": {"sampling", "scoring", "critic_training", "training"},
}
PHASES["ppo_bt"] = PHASES["ppo_gae"] | {"reward_pairs", "reward_training"}
PHASES["graded"], PHASES["distill"] = PHASES["grpo_outcome"], PHASES["rft"]
PHASES["r1"] = {"training", "sampling", "scoring", "reward_pairs", "reward_training"}
PHASES["min_form"] = PHASES["outcome_plus_process"] = PHASES["planted"] = PHASES["grpo_ppm"]
PHASES["min_form_outcome"] = PHASES["min_form"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A comparison of all the arms there are."""
    root = tmp_path_factory.mktemp("arms") / "all"
    run_comparison(root, tiny_comparison(*ARMS))
    return root


@pytest.fixture(scope="module")
def results(folder):
    return json.loads((folder / "summary.json").read_text())


def test_the_arms_that_this_page_knows_are_all_there_are():
    assert set(ARMS) == set(PHASES)


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_runs_and_is_charged_for_all_it_does(results, name):
    each = results["arms"][name]["seeds"]["0"]
    assert "failed" not in each, each
    phases = {phase for phase, account in each["ledger"]["phases"].items() if account["charged"]}
    assert phases == PHASES[name]
    assert results["arms"][name]["supervision"] == SUPERVISION.get(name, Supervision.PROCESS)


@pytest.mark.parametrize("name", [name for name in ARMS if name != "sft"])
def test_an_arm_changes_its_policy(folder, name):
    start = (folder / "seed_0/cold_start/model.safetensors").read_bytes()
    assert (folder / f"seed_0/{name}/policy/model.safetensors").read_bytes() != start


def test_arms_that_want_the_same_trees_share_them_and_each_pays(folder, results):
    grown = sorted(path.name for path in (folder / "seed_0").glob("trees-*"))
    assert [name for name in grown if "planted" not in name] == ["trees-0.15-ppm", "trees-0.5", "trees-0.6-ppm"]
    assert len(grown) == 4, "a flawed PPM has trees of its own"
    paid = {
        name: results["arms"][name]["seeds"]["0"]["ledger"]["phases"]["trees"]["tokens"]
        for name in ("grpo_ppm", "min_form", "outcome_plus_process")
    }
    assert paid["grpo_ppm"] == paid["min_form"] == paid["outcome_plus_process"]


def test_only_a_learned_reward_is_watched_for_hacking(results):
    series = {
        name: results["arms"][name]["seeds"]["0"]["hacking"]["series"] for name in ("grpo_ppm", "oracle", "sft_more")
    }
    assert "hack/learned" in series["grpo_ppm"]
    assert "hack/learned" not in series["oracle"]
    assert "hack/true" in series["oracle"]
    assert series["sft_more"] == {}


def test_true_labels_point_at_the_wrong_steps(results):
    """The credit from the oracle ranks right above wrong better than the outcome's does."""
    found = {name: results["arms"][name]["seeds"]["0"]["fidelity"] for name in ("oracle", "grpo_outcome")}
    assert found["oracle"]["ranking"] > found["grpo_outcome"]["ranking"]


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_of_the_conf_folder_passes_its_own_check(name):
    check_arm(name, arm_config(name), build_task(tiny_comparison().task))


def test_an_oracle_arm_without_an_oracle_is_refused():
    class NoOracle:
        name = "words"
        oracle = None

    with pytest.raises(UserError, match="task words has no step oracle"):
        check_arm("oracle", arm_config("oracle"), NoOracle())


def test_every_recipe_has_an_arm():
    assert {arm_config(name).recipe for name in ARMS} == set(Recipe)
    assert isinstance(tiny_comparison(), CompareConfig)
