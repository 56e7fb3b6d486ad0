"""Arms with a model that learns beside the policy: what it costs, what it is asked, what it must come to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compare.arms import reward_model
from compare.arms.advisers import Advisers, learned_reward
from compare.arms.course import Course
from compare.arms.critic import explained_variance
from compare.arms.on_policy import gather, on_policy, warm_up
from compare.arms.reward_model import make_rewarder
from compare.arms.rft import rft
from compare.arms.teacher import Teacher
from compare.arms.work import ArmWork
from compare.budget import Budget
from compare.check_arm import check_arm
from compare.companion_config import CriticConfig, ImplicitConfig, Rewards
from compare.ledger import Role
from lm.config import OptimiserConfig, Precision
from lm.packing import packed_size
from lm.rows import TextRow
from policy.credit.base import Member
from policy.credit.config import CreditConfig, CreditName
from policy.rl import Group, text_rows
from prm.critic import ValuedRow
from prm.row_group import RowGroup
from tasks.errors import UserError
from tasks.problem import Outcome
from tasks.registry import build_task
from tests.compare.tiny_compare import arm_config, run_comparison, tiny_comparison

ALL = {"least_accuracy": 0.0, "most_accuracy": 1.0}  # no group is left out
FAST = OptimiserConfig(learning_rate=3e-3, epochs=2.0, batch_rows=6, micro_rows=6, warmup=0.0, precision=Precision.FP32)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A cold start."""
    root = tmp_path_factory.mktemp("start") / "it"
    run_comparison(root, tiny_comparison("sft"))
    return root / "seed_0" / "cold_start"


@pytest.fixture
def course(start, tmp_path):
    """Makes the course of an arm of conf/arm; ``changes`` of the arm's options, ``parts`` of the comparison's."""

    def make(name: str, parts=None, **changes) -> Course:
        config = tiny_comparison(name, **(parts or {}))
        config.arms[name] = replace(config.arms[name], **changes)
        heard = []
        work = ArmWork(config, name, 0, start, [False] * config.judging.problems, None, tmp_path / "out")
        return Course(lambda *_, **__: heard.append(1), work)

    return make


def tokens(course, groups) -> int:
    rows = [[row.prompt_ids + row.target_ids for row in text_rows(group, course.policy.encode)] for group in groups]
    return sum(map(packed_size, rows))


@pytest.mark.parametrize(("name", "role", "models"), [("ppo_gae", Role.CRITIC, 1), ("implicit", Role.PPM, 2)])
def test_every_token_that_a_companion_reads_or_learns_from_is_charged(course, name, role, models):
    """The implicit process model reads with its reference too."""
    one = course(name, parts={"critic": CriticConfig(FAST), "implicit": ImplicitConfig(FAST)}, **ALL)
    advisers = Advisers(one)
    batch = gather(one, one.config.rl, advisers, 0)
    metrics = advisers.learn(batch.groups, batch.members, 0)
    size = tokens(one, batch.groups)
    assert one.ledger.tokens(role).scored == models * size
    assert one.ledger.tokens(role).trained == 2 * size  # two epochs
    assert metrics[f"{role}/loss"] > 0
    assert all(len(own.token_scores) == own.tokens for each in batch.members for own in each)


def test_a_new_implicit_model_says_nothing_and_learns_the_outcomes(course):
    optimiser = replace(FAST, epochs=30.0)
    one = course("implicit", parts={"implicit": ImplicitConfig(optimiser, beta=0.5)}, **ALL)
    advisers = Advisers(one)
    batch = gather(one, one.config.rl, advisers, 0)
    assert {score for each in batch.members for own in each for score in own.token_scores} == {0.0}
    assert {learned_reward(one.arm, own) for each in batch.members for own in each} == {0.5}
    advisers.learn(batch.groups, batch.members, 0)
    after = [own for each in advisers.members(batch.groups, 0) for own in each]
    chance = {
        reward: np.mean([learned_reward(one.arm, own) for own in after if own.reward == reward]) for reward in (0, 1)
    }
    assert chance[1] > chance[0] + 0.2


def test_a_critic_learns_which_solutions_of_a_batch_succeed(course):
    critic = CriticConfig(replace(FAST, epochs=60.0), cliprange_value=10.0)
    one = course("ppo_gae", parts={"critic": critic, "budget": Budget(tokens=30_000)})
    advisers = Advisers(one)
    batch = gather(one, one.config.rl, advisers, 0)
    advisers.learn(batch.groups, batch.members, 0)
    after = [own for each in advisers.members(batch.groups, 0) for own in each]
    ends = {reward: np.mean([own.token_scores[-1] for own in after if own.reward == reward]) for reward in (0, 1)}
    assert ends[1] > ends[0] + 0.3


def test_warm_up_teaches_the_critic_alone_for_its_share(course):
    one = course("ppo_gae", warmup=0.3)
    before = {name: value.clone() for name, value in one.policy.model.state_dict().items()}
    advisers = Advisers(one)
    warm_up(one, one.config.rl, advisers)
    assert 0.3 <= one.spent < 0.6
    assert one.ledger.tokens(Role.CRITIC).trained > 0
    assert one.ledger.tokens(Role.POLICY).trained == 0
    assert all(bool((value == before[name]).all()) for name, value in one.policy.model.state_dict().items())


def test_the_reward_model_is_paid_for_and_replaces_the_verifier(course):
    one = course("ppo_bt", reward_model=0.4)
    rewarder = make_rewarder(one)
    assert 0.3 < one.spent < 0.7
    for count in ("scored", "trained"):
        assert getattr(one.ledger.tokens(Role.REWARD_MODEL), count) > 0
    assert one.ledger.phases["reward_pairs"].verifier_calls > 0
    groups = one.judged(one.policy.sample(one.next_problems(6), 4, 1), "sampling")
    scored = one.ledger.tokens(Role.REWARD_MODEL).scored
    found = rewarder(groups)
    assert one.ledger.tokens(Role.REWARD_MODEL).scored - scored == tokens(one, groups)
    assert abs(np.mean([value for own in found for value in own])) < 1.5
    (first, *_), rewards = groups, found[0]
    assert [rewards[i] == rewards[0] for i, each in enumerate(first.trajectories)] == [
        each.token_ids == first.trajectories[0].token_ids for each in first.trajectories
    ]


def test_the_rewards_of_the_start_policy_are_standardised_and_rank_its_solutions(course):
    one = course("ppo_bt", reward_model=0.9, parts={"problems": 20})
    one.config.reward_model.optimiser = replace(FAST, epochs=10.0)
    rewarder = make_rewarder(one)
    said = one.extra["reward_model"]
    groups = one.judged(one.policy.sample(one.next_problems(20), 16, 5), "audit")
    rewards = np.array([value for own in rewarder(groups) for value in own])
    right = np.array([each.verdict.outcome is Outcome.CORRECT for group in groups for each in group.trajectories])
    assert said["solutions"] > 20
    assert abs(rewards.mean()) < 0.5
    assert 0.5 < rewards.std() < 1.6
    assert rewards[right].mean() > rewards[~right].mean() + 0.3


def test_the_truth_reaches_only_the_audit_once_there_is_a_reward_model(course, monkeypatch):
    """Turned verdicts during training change nothing that the policy learns."""
    weights = []
    for turned in (False, True):
        one = course("ppo_bt", reward_model=0.3)
        make = one.judged

        def judged(groups, phase, make=make, turned=turned):
            found = make(groups, phase)
            if phase != "sampling" or not turned:
                return found
            return [
                replace(
                    g,
                    trajectories=tuple(
                        replace(t, verdict=replace(t.verdict, reward=1 - t.verdict.reward)) for t in g.trajectories
                    ),
                )
                for g in found
            ]

        monkeypatch.setattr(one, "judged", judged)
        on_policy(one)
        weights.append({name: value.clone() for name, value in one.policy.model.state_dict().items()})
    assert all(bool((value == weights[1][name]).all()) for name, value in weights[0].items())


def test_the_learned_reward_is_watched_beside_the_truth(course):
    for name in ("ppo_bt", "implicit"):
        one = course(name, **ALL)
        on_policy(one)
        assert all({"hack/learned", "hack/true", "hack/gap"} <= set(row) for row in one.rows)
    one = course("ppo_gae")
    on_policy(one)
    assert all("hack/learned" not in row and "hack/kl" in row for row in one.rows)


def test_groups_outside_the_range_of_accuracy_are_not_even_scored(course):
    """Nobody pays for a model's opinion of them, nothing learns from them, and they are watched all the same."""
    one = course("implicit", least_accuracy=0.2, most_accuracy=0.8)
    advisers = Advisers(one)
    batch = gather(one, one.config.rl, advisers, 0)
    means = [np.mean([own.reward for own in each]) for each in batch.members]
    taught = [index for index, mean in enumerate(means) if 0.2 <= mean <= 0.8]
    assert 0 < len(taught) < len(batch.groups) == 6
    asked = [batch.groups[index] for index in taught]
    for index, own in enumerate(batch.members):
        assert all(bool(each.token_scores) == (index in taught) for each in own)
        assert index in taught or not any(advantages_T.any() for advantages_T in batch.advantages[index])
    advisers.learn(batch.groups, batch.members, 0)
    assert one.ledger.tokens(Role.PPM).scored == 2 * tokens(one, asked)
    assert one.ledger.tokens(Role.PPM).trained == tokens(one, asked)
    assert {learned_reward(one.arm, own) for each in batch.members for own in each} == {0.5, None}


def test_an_update_without_a_group_in_range_changes_nothing(course):
    one = course("implicit", least_accuracy=0.51, most_accuracy=0.52)
    before = {name: value.clone() for name, value in one.policy.model.state_dict().items()}
    on_policy(one)
    assert one.updates > 0
    assert one.ledger.tokens(Role.PPM).computed == 0
    assert all(bool((value == before[name]).all()) for name, value in one.policy.model.state_dict().items())


@pytest.mark.parametrize("name", ["implicit", "ppo_gae", "ppo_bt"])
def test_an_arm_done_again_comes_to_the_same(course, name):
    found = []
    for _ in range(2):
        one = course(name)
        on_policy(one)
        counts = {phase: each.tokens for phase, each in one.ledger.phases.items()}
        found.append((one.rows, counts, one.extra, one.policy.model.state_dict()))
    *first, weights = found[0]
    *again, others = found[1]
    assert first == again
    assert len(first[0]) > 1
    assert all(bool((value == others[key]).all()) for key, value in weights.items())


def test_explained_variance_by_hand():
    row = TextRow("p", (1,), (2, 3))
    groups = [RowGroup("p", (ValuedRow(row, (0.0, 2.0), (0.5, 1.5)),))]
    assert explained_variance(groups) == pytest.approx(1 - 0.25)  # var of (-0.5, 0.5) over var of (0, 2)


def test_a_learned_reward_lies_between_0_and_1_however_far_it_goes():
    arm = arm_config("ppo_bt")
    found = [learned_reward(arm, Member(reward, (1,))) for reward in (-1e4, -1.0, 0.0, 1e4)]
    assert found == [0.0, pytest.approx(1 / (1 + np.e)), 0.5, 1.0]
    assert learned_reward(arm_config("grpo_outcome"), Member(1.0, (1,))) is None


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("ppo_bt", {"reward_model": 1.0}, r"arms.ppo_bt.reward_model must lie between 0 and 1, got 1.0"),
        ("ppo_bt", {"reward_model": float("nan")}, r"arms.ppo_bt.reward_model must lie between"),
        ("ppo_gae", {"warmup": 1.0}, r"arms.ppo_gae.warmup must be at least 0 and below 1, got 1.0"),
        ("grpo_outcome", {"warmup": 0.1}, r"arms.grpo_outcome.warmup is for credit gae and implicit, .*outcome"),
        (
            "implicit",
            {"rewards": Rewards.REWARD_MODEL},
            r"arms.implicit.rewards=reward_model is for credit outcome and",
        ),
        ("implicit", {"least_accuracy": 0.9, "most_accuracy": 0.1}, r"arms.implicit wants 0 <= least.*got 0.9 and 0.1"),
        ("ppo_bt", {"least_accuracy": 0.2}, r"arms.ppo_bt.least_accuracy and most_accuracy ask the verifier"),
        ("implicit", {"credit": CreditConfig(CreditName.MIN_FORM)}, r"needs step scores"),
    ],
)
def test_options_that_cannot_work_are_refused(name, changes, said):
    with pytest.raises(UserError, match=said):
        check_arm(name, replace(arm_config(name), **changes), build_task(tiny_comparison().task))


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_ranges_of_the_models_are_checked(value):
    with pytest.raises(UserError, match=r"critic.cliprange_value must be a number above 0"):
        CriticConfig(cliprange_value=value)
    with pytest.raises(UserError, match=r"implicit.beta must be a number above 0"):
        ImplicitConfig(beta=value)


def test_a_reward_model_without_a_pair_is_refused_in_one_sentence(course, monkeypatch):
    one = course("ppo_bt")
    monkeypatch.setattr("compare.arms.reward_model.problem_pairs", lambda *_: None)
    with pytest.raises(
        UserError, match=r"arm ppo_bt: no problem has both .* raise arms.ppo_bt.reward_model or rl.group"
    ):
        make_rewarder(one)


def test_a_companion_that_diverges_is_refused_in_one_sentence(course):
    one = course("ppo_gae")
    advisers = Advisers(one)
    advisers._companion._model.score.weight.data.fill_(float("nan"))
    with pytest.raises(UserError, match=r"arm ppo_gae: the critic has diverged; lower"):
        gather(one, one.config.rl, advisers, 0)


def test_a_stage_that_begins_judges_nothing_into_the_row_of_the_stage_before(course):
    one = course("grpo_outcome")
    one.rows = [{"update": 7, "eval/accuracy": 0.5}]
    one._judge()
    assert one.rows == [{"update": 7, "eval/accuracy": 0.5}]
    one.record(loss=1.0)
    one._judge()
    assert one.rows[0] == {"update": 7, "eval/accuracy": 0.5}
    assert "eval/accuracy" in one.rows[1]


@pytest.mark.parametrize("who", ["own", "teacher"])
def test_sampling_without_a_solution_ends_in_one_sentence(course, start, monkeypatch, who):
    one = course("rft", **({"teacher": str(start)} if who == "teacher" else {}))
    monkeypatch.setattr(
        "compare.arms.live.LivePolicy.sample", lambda _, problems, *__: [Group(each, ()) for each in problems]
    )
    with pytest.raises(UserError, match=r"arm rft: no problem leaves room for a solution; raise the policy's context"):
        rft(one)


def test_a_second_teacher_of_another_size_is_refused(course, start):
    one = course("rft")
    one.ledger.declare(Role.TEACHER, 14)
    with pytest.raises(UserError, match="the teacher has 14 parameters in this account"):
        Teacher(one, start)


def test_a_rare_part_of_a_mix_is_searched_for(course, monkeypatch):
    one = course("ppo_bt")
    stream = one.next_problems(len(one.training))
    monkeypatch.setattr(reward_model, "judges", lambda _, problem: problem.id in rare)
    one._problems.restore({"epoch": 0, "left": 0})
    rare = {each.id for each in stream[8:10]}  # the first six are of other parts
    assert {each.id for each in reward_model._problems(one, is_first=True)} == rare
    one._problems.restore({"epoch": 0, "left": 0})
    assert reward_model._problems(one, is_first=False) == []
    rare, one.arm.reward_model_parts = set(), ["texts"]
    with pytest.raises(UserError, match=r"arm ppo_bt: no training problem is of part\(s\) texts"):
        reward_model._problems(one, is_first=True)
