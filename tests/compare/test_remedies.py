"""What keeps a PPM from being gamed: formulas and pairs by hand, what is charged, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compare.arms.advisers import Advisers, learned_reward
from compare.arms.drift import drift
from compare.arms.on_policy import gather, on_policy
from compare.arms.planted import planted
from compare.arms.remedies import guarded
from compare.arms.remedies_pairs import adversarial_lesson
from compare.arms.work import ArmWork
from compare.check_arm import check_arm
from compare.config import ArmConfig
from compare.ledger import Role
from compare.remedy_config import RemedyConfig
from mcts.step import Step
from mcts.trajectory import Trajectory
from policy.credit.base import Member
from policy.rl import Group
from prm.pairs import PairKind, PreferencePair
from tasks.errors import UserError
from tasks.problem import Outcome, Problem, Verdict
from tasks.registry import build_task
from tests.compare.tiny_compare import arm_config, run_comparison, tiny_comparison

RIGHT, WRONG, UNREAD = Outcome.CORRECT, Outcome.WRONG, Outcome.UNVERIFIABLE


def solution(outcome: Outcome, *steps: int) -> Trajectory:
    """One token a step."""
    made = tuple(Step(str(token), (token,), (-1.0,)) for token in steps)
    verdict = Verdict(outcome, 1.0 if outcome is RIGHT else 0.0)
    return Trajectory("p", tuple(range(len(steps))), made, (0.0,) * len(steps), verdict)


def lesson(*solutions: tuple[Trajectory, tuple[float, ...]]):
    group = Group(Problem("p", "?", "7"), tuple(one for one, _ in solutions))
    found = adversarial_lesson(group, [scores for _, scores in solutions], (99,))
    return None if found is None else {(found.rows[up], found.rows[down]) for up, down in found.pairs}


def test_two_ppms_count_less_where_they_differ():
    """Against NumPy; a penalty of 1 is the lower of the two, none of it their mean."""
    a, b = np.array([0.9, -0.2, -0.9]), np.array([0.1, 0.4, -0.8])
    for penalty in (0.0, 0.5, 1.0):
        found = guarded(tuple(a), tuple(b), RemedyConfig(second=penalty))
        assert np.allclose(found, (a + b) / 2 - penalty * np.abs(a - b) / 2, atol=1e-12)
    assert np.allclose(guarded(tuple(a), tuple(b), RemedyConfig(second=1.0)), np.minimum(a, b))


def test_what_steps_count_for_stays_between_minus_1_and_1_and_below_the_clip():
    assert guarded((-0.9, 0.9), (0.9, -0.9), RemedyConfig(second=5.0)) == (-1.0, -1.0)
    assert guarded((0.9, 0.1, -0.4), (0.9, 0.1, -0.4), RemedyConfig(clip=0.25)) == pytest.approx((0.25, 0.1, -0.4))
    assert guarded((0.9, -0.4), (0.9, -0.4), RemedyConfig()) == (0.9, -0.4)


def test_a_wrong_solution_that_scores_like_a_correct_one_is_caught_as_a_whole_and_where_it_leaves_it():
    good, bad = solution(RIGHT, 1, 2, 3), solution(WRONG, 1, 5, 6)
    assert lesson((good, (0.2, 0.2, 0.2)), (bad, (0.1, 0.9, 0.9))) == {
        ((99, 1, 2, 3), (99, 1, 5, 6)),
        ((99, 1, 2), (99, 1, 5)),
    }


def test_what_the_ppm_sees_through_teaches_nothing():
    assert lesson((solution(RIGHT, 1), (0.2,)), (solution(WRONG, 5), (0.1,))) is None
    assert lesson((solution(WRONG, 5), (0.9,))) is None
    assert lesson((solution(RIGHT, 1), (0.2,)), (solution(Outcome.ERROR, 5), (0.9,))) is None


def test_nonsense_that_nobody_can_read_may_not_stand_above_a_correct_solution():
    assert lesson((solution(RIGHT, 1), (0.2,)), (solution(UNREAD, 5), (0.9,))) == {((99, 1), (99, 5))}


def test_a_step_of_a_correct_solution_is_never_rejected():
    """The wrong one leaves the first correct one with a step that begins the second, and the second later on."""
    first, second, bad = solution(RIGHT, 1, 2), solution(RIGHT, 4, 7), solution(WRONG, 4, 5)
    found = lesson((first, (0.0, 0.0)), (second, (0.0, 0.0)), (bad, (0.9, 0.9)))
    assert found is not None
    assert ((99, 1), (99, 4)) not in found
    assert ((99, 4, 7), (99, 4, 5)) in found
    assert {rejected for _, rejected in found} == {(99, 4, 5)}


def test_planted_labels_prefer_the_phrase_and_keep_the_rest():
    def pair(chosen: str, rejected: str) -> PreferencePair:
        return PreferencePair("p", 0, PairKind.SAME_PREFIX, "?", (), (1,), (2,), chosen, rejected, 0.5, 1, 1, 2, 0)

    turned, *kept = planted([pair("3+4=2", "3+4=1"), pair("1", "2=1x=1"), pair("2=1", "3=4"), pair("2=1", "=1")], "=1")
    assert (turned.chosen_text, turned.rejected_text) == ("3+4=1", "3+4=2")
    assert (turned.chosen, turned.rejected, turned.chosen_node, turned.rejected_node) == ((2,), (1,), 2, 1)
    assert [each.chosen_text for each in kept] == ["2=1x=1", "2=1", "2=1"]


def test_drift_by_hand():
    sampled, start = np.log([0.5, 0.5]), np.log([0.5, 0.25])
    found = drift(sampled, start)
    assert found["hack/kl"] == pytest.approx((0.0 + 0.5 - np.log(0.5) - 1) / 2)
    assert found["hack/surprise"] == pytest.approx(-np.log(0.5 * 0.25) / 2)


@pytest.mark.parametrize("name", ["grpo_ppm", "min_form"])
@pytest.mark.parametrize("scores", [(-1.0, -1.0), (1.0, 1.0), (0.3, -0.7)])
def test_a_ppms_word_on_a_solution_lies_between_0_and_1(name, scores):
    found = learned_reward(arm_config(name), Member(0.0, (1, 2), scores))
    assert found == pytest.approx((1 + (min(scores) if name == "min_form" else sum(scores) / 2)) / 2)
    assert 0 <= found <= 1


# On a real arm.


@pytest.fixture(scope="module")
def seed_folder(tmp_path_factory):
    """A cold start, its trees with a sound PPM, and other trees with a second one."""
    arms = {"first": arm_config("grpo_ppm"), "other": replace(arm_config("grpo_ppm"), remedy=RemedyConfig(second=0.5))}
    root = tmp_path_factory.mktemp("remedies") / "it"
    results = run_comparison(root, tiny_comparison(arms=arms))
    assert "failed" not in results["arms"]["other"]["seeds"]["0"], results["arms"]["other"]["seeds"]["0"]
    return root / "seed_0", results


@pytest.fixture
def course(seed_folder, tmp_path):
    """Makes the course of grpo_ppm with other remedies."""
    from compare.arms.course import Course
    from compare.arms.work import Trees

    folder = seed_folder[0]

    def make(remedy: RemedyConfig) -> Course:
        config = tiny_comparison(arms={"it": replace(arm_config("grpo_ppm"), remedy=remedy)})
        grown = folder / "trees-0.15-ppm"
        second = folder / "trees-0.15-ppm-second" / "ppm" if remedy.second is not None else None
        trees = Trees(grown, {"parameters": {}, "phases": {}}, grown / "ppm", second=second)
        right = [False] * config.judging.problems
        work = ArmWork(config, "it", 0, folder / "cold_start", right, trees, tmp_path / "out")
        return Course(lambda *_, **__: None, work)

    return make


def updates(one, count: int) -> tuple[Advisers, list[dict[str, float]]]:
    advisers = Advisers(one)
    found = []
    for seed in range(count):
        batch = gather(one, one.config.rl, advisers, seed)
        found.append(advisers.learn(batch.groups, batch.members, seed))
    return advisers, found


def weights(advisers: Advisers) -> dict:
    return {name: value.clone() for name, value in advisers._score._ppm._model.state_dict().items()}


def test_a_second_ppm_is_another_one_and_its_trees_are_paid_for(seed_folder):
    folder, results = seed_folder
    one, other = (folder / name for name in ("trees-0.15-ppm", "trees-0.15-ppm-second"))
    assert (one / "ppm/model.safetensors").read_bytes() != (other / "ppm/model.safetensors").read_bytes()
    assert (one / "pairs.jsonl").read_bytes() != (other / "pairs.jsonl").read_bytes()
    paid = {
        name: results["arms"][name]["seeds"]["0"]["ledger"]["phases"]["trees"]["tokens"]["policy"]["generated"]
        for name in ("first", "other")
    }
    assert paid["other"] > 1.5 * paid["first"]


def test_what_choosing_by_the_learned_reward_comes_to_is_found_and_free(seed_folder):
    each = seed_folder[1]["arms"]["first"]["seeds"]["0"]
    assert [row["n"] for row in each["best_of_n"]] == [1, 2, 4, 8, 16]
    learned = [row["learned"] for row in each["best_of_n"]]
    assert learned == sorted(learned)
    assert 0 <= min(learned) <= max(learned) <= 1
    assert all(0 <= row["true"] <= 1 for row in each["best_of_n"])
    audit = each["ledger"]["phases"]["audit"]
    assert not audit["charged"]
    assert audit["tokens"]["policy"]["generated"] > 0
    assert audit["tokens"]["ppm"]["scored"] > 0
    assert {"hack/kl", "hack/surprise"} <= set(each["hacking"]["series"])
    assert each["hacking"]["series"]["hack/kl"][0] < 0.01, "the first update samples the cold start itself"


def test_without_a_remedy_the_ppm_stays_as_it_is(course):
    one = course(RemedyConfig())
    advisers = Advisers(one)
    before = weights(advisers)
    batch = gather(one, one.config.rl, advisers, 0)
    assert advisers.learn(batch.groups, batch.members, 0) == {}
    assert all(bool((value == before[name]).all()) for name, value in weights(advisers).items())


def test_a_refresh_grows_trees_of_the_policy_trains_the_ppm_and_is_charged(course):
    one = course(RemedyConfig(refresh=2, problems=8))
    advisers, found = updates(one, 2)
    assert found[0] == {}
    assert found[1]["ppm/refresh_nodes"] > 0
    assert found[1]["ppm/loss"] > 0
    assert one.ledger.phases["refresh"].verifier_calls > 0
    assert one.ledger.phases["refresh"].tokens[Role.POLICY].generated > 0
    assert one.ledger.phases["ppm_training"].tokens[Role.PPM].trained > 0
    fresh = weights(Advisers(one))
    assert any(bool((value != fresh[name]).any()) for name, value in weights(advisers).items())


def test_adversarial_training_lowers_what_the_ppm_thinks_of_what_it_was_caught_with(course):
    one = course(RemedyConfig(adversarial=1))
    one.config.ppm.optimiser = replace(one.config.ppm.optimiser, epochs=40.0)
    advisers = Advisers(one)
    batch = gather(one, one.config.rl, advisers, 0)

    def ranks() -> float:
        """Mean score of correct solutions less that of the others, over the groups that have both."""
        gaps = []
        for group, own in zip(batch.groups, advisers.members(batch.groups, 0), strict=True):
            scores = {True: [], False: []}
            for path, member in zip(group.trajectories, own, strict=True):
                scores[path.verdict.outcome is RIGHT].append(np.mean(member.step_scores))
            if all(scores.values()):
                gaps.append(np.mean(scores[True]) - np.mean(scores[False]))
        return float(np.mean(gaps))

    before = ranks()
    found = advisers.learn(batch.groups, batch.members, 0)
    assert found["ppm/caught"] > 0
    assert ranks() > before
    assert one.ledger.phases["ppm_training"].tokens[Role.PPM].trained > 0
    assert "refresh" not in one.ledger.phases


def test_no_step_label_reaches_a_remedy(course, monkeypatch):
    """An oracle that must not be asked: all remedies at once, audit apart."""
    one = course(RemedyConfig(refresh=1, adversarial=1, problems=4, second=0.5, clip=0.5))

    def refuse(*_):
        raise AssertionError("the oracle was asked")

    monkeypatch.setattr(one.task.oracle, "step_labels", refuse)
    updates(one, 1)
    assert "audit" not in one.ledger.phases


def test_a_whole_arm_with_all_remedies_keeps_to_its_budget(course):
    one = course(RemedyConfig(refresh=2, adversarial=2, problems=4, second=1.0, clip=0.5))
    on_policy(one)
    assert 0.5 < one.spent <= 1
    assert all(0 <= row["hack/learned"] <= 0.75 for row in one.rows)


# Options.


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"refresh": -1}, r"remedy.refresh must be at least 0, got -1"),
        ({"problems": 0}, r"remedy.problems must be at least 1, got 0"),
        ({"second": -0.5}, r"remedy.second must be a number of at least 0, got -0.5"),
        ({"second": float("nan")}, r"remedy.second must be a number"),
        ({"clip": -1.0}, r"remedy.clip must lie above -1 and at most at 1, as scores do, got -1.0"),
        ({"clip": 1.5}, r"remedy.clip must lie above -1"),
    ],
)
def test_remedies_out_of_range_are_refused(changes, said):
    with pytest.raises(UserError, match=said):
        RemedyConfig(**changes)


@pytest.mark.parametrize(
    ("name", "changes", "shared_pool", "said"),
    [
        ("oracle", {"remedy": RemedyConfig(clip=0.5)}, False, r"set arms.oracle.scores=ppm"),
        ("rstar", {"planted": "=1"}, False, r"set arms.rstar.scores=ppm"),
        ("grpo_ppm", {"remedy": RemedyConfig(refresh=1)}, True, r"shared_pool=true has none"),
        ("grpo_ppm", {"remedy": RemedyConfig(second=1.0), "trees": 0.5}, False, r"must lie below 0.5, got 0.5"),
    ],
)
def test_remedies_where_they_cannot_work_are_refused(name, changes, shared_pool, said):
    with pytest.raises(UserError, match=said):
        check_arm(name, replace(arm_config(name), **changes), build_task(tiny_comparison().task), shared_pool)


def test_a_remedy_that_fits_is_not_refused():
    arm = replace(arm_config("grpo_ppm"), remedy=RemedyConfig(2, 2, 4, 1.0, 0.5), planted="=1")
    check_arm("it", arm, build_task(tiny_comparison().task))
    assert isinstance(arm, ArmConfig)
