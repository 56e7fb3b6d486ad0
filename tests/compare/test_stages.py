"""An arm in stages: each goes on from the policy of the one before, on one account, and a killed one goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import pytest

from compare.arms import stages
from compare.arms.work import plain
from compare.budget import Budget
from compare.check_arm import check_arm
from compare.companion_config import Reads, Rewards
from compare.config import ArmConfig, JudgingConfig, Recipe, Scores
from compare.report_tables import parts_table, stages_table
from compare.summary import Supervision
from policy.config import TrainFrom
from tasks.errors import UserError
from tasks.mix import MixConfig
from tasks.registry import build_task
from tasks.suites.chain import ChainConfig
from tests.compare.tiny_compare import assert_same_comparison, run_comparison, tiny_comparison

SHARES = (1.0, 2.0, 3.0)


class Killed(BaseException):
    """Stands for a SIGKILL: nothing of ours catches it."""


def staged(*changes):
    """Fine-tuning, rejection sampling from the start again, RL by a grader; on a mix of two kinds of chains."""
    task = ChainConfig(modulus=5, min_length=1, max_length=2)
    arm = ArmConfig(
        recipe=Recipe.STAGES,
        stages=[
            ArmConfig(recipe=Recipe.SFT_MORE, share=SHARES[0], label="first"),
            ArmConfig(recipe=Recipe.RFT, demonstrations=8, train_from=TrainFrom.BASE, share=SHARES[1]),
            ArmConfig(reward="accuracy_and_steps", share=SHARES[2]),
        ],
    )
    config = tiny_comparison(
        task=MixConfig("mix", parts={"old": task, "new": replace(task, name="other", seed=1)}),
        budget=Budget(tokens=9_000),
        judging=JudgingConfig(problems=6, points=1, best_of=0),
    )
    return replace(config, arms={"r1": arm})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("stages") / "it"
    return root, run_comparison(root, staged())


def test_stages_follow_each_other_on_one_account(whole):
    root, results = whole
    each = results["arms"]["r1"]["seeds"]["0"]
    told = each["stages"]
    assert [one["label"] for one in told] == ["first", "2 rft", "3 on_policy"]
    for before, after in pairwise(told):
        assert before["ends"] == after["begins"]
        assert before["right"][1] == after["right"][0]
    assert told[-1]["ends"] == each["ledger"]["charged"]["flops"]
    assert each["ledger"]["charged"]["computed"] <= 9_000
    assert sum(one["updates"] for one in told) == each["training"]["updates"]
    rows = [json.loads(line) for line in (root / "metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["stage"] == "seed_0/r1"]
    assert [row["update"] for row in rows] == list(range(1, len(rows) + 1))
    for number, share in enumerate(SHARES):  # no stage spends more than the stages up to it may
        last = [row for row in rows if row["arm_stage"] == number][-1]
        assert last["ledger/spent"] <= sum(SHARES[: number + 1]) / sum(SHARES)
        assert share
    assert {"rewards/accuracy", "rewards/form", "eval/reward"} <= set(rows[-1])
    assert "rewards/form" not in rows[0]
    assert set(each["rewards"]) == {"training", "judged"}


def test_the_report_tells_of_stages_and_parts(whole):
    root, results = whole
    assert len(stages_table(results).rows) == 3
    assert set(results["arms"]["r1"]["seeds"]["0"]["parts"]) == {"old", "new"}
    assert parts_table(results).head[2:] == ["old", "new"]
    said = (root / "REPORT.md").read_text()
    for heading in ("## Stages", "## Parts of the mix", "## Reward in training and of judged problems"):
        assert heading in said


def test_a_killed_arm_goes_on_after_its_last_whole_stage(whole, tmp_path, monkeypatch):
    keep, kept = stages._keep, []

    def kill(course, path):
        found = keep(course, path)
        kept.append(path.name)
        if len(kept) == 1:
            raise Killed
        return found

    monkeypatch.setattr(stages, "_keep", kill)
    with pytest.raises(Killed):
        run_comparison(tmp_path / "it", staged())
    run_comparison(tmp_path / "it", staged())
    assert kept == ["0-done", "1-done"]
    assert_same_comparison(tmp_path / "it", whole[0])
    assert not list((tmp_path / "it").glob("seed_0/.checkpoints/*"))


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        (ArmConfig(recipe=Recipe.STAGES), "arms.it.stages and arms.it.recipe=stages go together"),
        (ArmConfig(stages=[ArmConfig()]), "arms.it.stages and arms.it.recipe=stages go together"),
        (("share", 0.0), "arms.it.stages.0.share must be a number above 0, got 0.0"),
        (("recipe", Recipe.SFT), "arms.it.stages.0.recipe must be one that trains"),
        (("recipe", Recipe.RSTAR), "arms.it.stages.0 learns from trees"),
        (("scores", Scores.ORACLE), None),
        (("reward", "accuracy_and_stpes"), "arms.it.stages.0.reward: there is no grader accuracy_and_stpes .did you"),
        (("teacher", "x"), "arms.it.stages.0.teacher, demonstrations and train_from are for recipe=rft"),
        (("reward_model_reads", Reads.FINAL_STEP), "arms.it.stages.0.pairs, reward_model_parts and"),
    ],
)
def test_stages_that_cannot_work_are_refused(arm, message):
    task = build_task(tiny_comparison().task)
    if isinstance(arm, tuple):
        arm = ArmConfig(recipe=Recipe.STAGES, stages=[ArmConfig(**dict([arm]))])
    if message is None:
        return check_arm("it", arm, task)
    with pytest.raises(UserError, match=message):
        check_arm("it", arm, task)
    return None


@pytest.mark.parametrize("is_staged", [False, True])
def test_a_grader_that_reads_a_policy_is_no_companion_of_a_reward_model(tmp_path, is_staged):
    grader = tmp_path / "told.json"
    grader.write_text('{"type": "reconstruction", "source": "prompt"}')
    arm = ArmConfig(reward=str(grader), rewards=Rewards.REWARD_MODEL)
    if is_staged:
        apart = [ArmConfig(rewards=Rewards.REWARD_MODEL), ArmConfig(reward=str(grader))]
        arm = ArmConfig(recipe=Recipe.STAGES, stages=apart)
    task = build_task(tiny_comparison().task)
    with pytest.raises(UserError, match="reads a policy's log-probabilities, which are charged as a reward model's"):
        check_arm("it", arm, task)
    check_arm("it", ArmConfig(reward=str(grader)), task)


def test_parts_for_a_reward_model_must_be_there():
    arm = ArmConfig(rewards=Rewards.REWARD_MODEL, reward_model_parts=["texts"])
    with pytest.raises(UserError, match="task mix has no part texts; its parts are old, new"):
        check_arm("it", arm, build_task(staged().task))


def test_options_that_came_later_are_no_part_of_an_older_record():
    assert "stages" not in plain(ArmConfig())
    assert plain(ArmConfig(reward="number"))["reward"] == "number"
    assert ArmConfig(recipe=Recipe.STAGES, stages=[ArmConfig(), ArmConfig(recipe=Recipe.RSTAR)]).supervision is (
        Supervision.BOTH
    )
