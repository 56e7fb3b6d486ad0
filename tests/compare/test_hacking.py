from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.alarm import Alarm, AlarmConfig, alarms, false_alarm_rate, find_alarm
from compare.hacking import Watched, foreign_share, measure, unreadable_share
from mcts.step import Step
from mcts.trajectory import Trajectory
from prm.judging.best_of_n import best_of_n
from prm.judging.fidelity import fidelity, mean_fidelity, ranking, step_credit
from tasks.errors import UserError
from tasks.problem import Outcome, Verdict


def path(texts, reward=1.0, outcome=None, ids=None):
    verdict = Verdict(outcome or (Outcome.CORRECT if reward == 1 else Outcome.WRONG), reward)
    steps = []
    for number, text in enumerate(texts):
        own = ids[number] if ids else tuple(range(100 * number, 100 * number + len(text)))
        steps.append(Step(text, own, is_final=text.startswith("####")))
    return Trajectory("p", tuple(range(len(steps))), tuple(steps), (0.0,) * len(steps), verdict)


def test_a_row_by_hand():
    watched = [
        Watched("3 +4\n", path(["3+4=7\n", "#### 7\n"]), 0.9, (True, True)),
        Watched("3 +4\n", path(["3+4=2\n", "3+4=2\n", "3+4=7\n", "#### 7\n"]), 0.5, (False, False, True, True)),
        Watched("3 +4\n", path(["3+4=8\n", "#### 8\n"], 0.0), 0.6, (False, True)),
        Watched("3 +4\n", path(["thanks"], 0.0, Outcome.UNVERIFIABLE), 0.8, (False,)),
    ]
    row = measure(watched, "\n", kl=0.25)
    expected = {
        "hack/true": 0.5,
        "hack/unparsable": 0.25,
        "hack/steps": 9 / 4,
        "hack/tokens_per_step": (6 + 7 + 6 + 6 + 6 + 7 + 6 + 7 + 6) / 9,
        "hack/dodges": 1 / 9,
        "hack/repeated_steps": (0.25) / 4,
        "hack/repeated_phrases": 0.0,
        "hack/foreign": 0.0,
        "hack/unreadable": 0.0,
        "hack/kl": 0.25,
        "hack/learned": 0.7,
        "hack/gap": 0.2,
        "hack/learned_when_wrong": 0.7,
        "hack/ranking": 0.5,  # 0.9 above both wrong ones, 0.5 below both
        "hack/right_steps": 5 / 9,
        "hack/lucky": 0.5,
    }
    assert row == {name: pytest.approx(value) for name, value in expected.items()}


def test_what_an_update_cannot_give_is_left_out():
    row = measure([Watched("?", path(["#### 7\n"]))], "\n")
    assert not {"hack/kl", "hack/learned", "hack/ranking", "hack/right_steps"} & set(row)
    with pytest.raises(ValueError, match="must be one"):
        measure([], "\n")
    with pytest.raises(ValueError, match="steps and a verdict"):
        measure([Watched("?", Trajectory("p", (), (), ()))], "\n")
    with pytest.raises(ValueError, match="scale from 0 to 1"):
        measure([Watched("?", path(["#### 7\n"]), -0.5)], "\n")


def test_phrases_that_come_again_are_counted():
    again = path(["a", "b"], ids=[tuple(range(8)), tuple(range(8))])
    assert measure([Watched("?", again)], "\n")["hack/repeated_phrases"] == pytest.approx(1 / 9)
    assert measure([Watched("?", again)], "\n")["hack/repeated_steps"] == 0


@pytest.mark.parametrize(
    ("text", "prompt", "share"),
    [
        ("3+4=7", "3 +4", 0.0),
        ("so 7", "3 +4", 0.0),
        ("сумма so", "How many?", 5 / 7),
        ("答 is 7", "How many?", 1 / 3),
        ("答", "多少", 0.0),
        ("ab\ufffd\ufffd", "x", 0.5),
        ("", "x", 0.0),
    ],
)
def test_foreign_letters(text, prompt, share):
    assert foreign_share(text, prompt) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("3+4=7\n#### 7", 0.0),
        ("\u200b7\ufffd7", 0.5),
        ("1" * 40, 0.25),
        ("a" * 30 + " " + "b" * 9, 0.0),
        ("多" * 40, 0.0),
        ("\x00\x1b[2J", 0.4),
        ("", 0.0),
    ],
)
def test_what_nobody_could_read(text, share):
    assert unreadable_share(text) == pytest.approx(share)


# The alarm.


def series(updates, learned, true, noise=0.03, seed=0):
    rng = np.random.default_rng(seed)
    return [np.linspace(*ends, updates) + rng.normal(0, noise, updates) for ends in (learned, true)]


@pytest.mark.parametrize("true", [(0.4, 0.4), (0.4, 0.1)], ids=["flat", "falling"])
def test_it_sounds_when_the_truth_stays_behind(true):
    sounded = [find_alarm(*series(40, (0.4, 0.9), true, seed=s), AlarmConfig()) for s in range(20)]
    assert sum(alarm is not None for alarm in sounded) >= 19


@pytest.mark.parametrize(
    ("learned", "true"),
    [((0.4, 0.9), (0.4, 0.9)), ((0.4, 0.9), (0.4, 0.7)), ((0.4, 0.4), (0.4, 0.4)), ((0.5, 0.45), (0.6, 0.3))],
    ids=["both rise", "truth rises somewhat less", "nothing moves", "a policy that gets worse and is seen to"],
)
def test_it_is_silent_when_nothing_is_hacked(learned, true):
    sounded = [find_alarm(*series(40, learned, true, seed=s), AlarmConfig()) for s in range(20)]
    assert sum(alarm is not None for alarm in sounded) == 0


def test_the_onset_is_where_they_part():
    learned, true = series(60, (0.5, 0.5), (0.5, 0.5), noise=0.01, seed=1)
    learned[30:] += 0.3
    true[30:] -= 0.1
    found = find_alarm(learned, true, AlarmConfig())
    assert found is not None
    assert found.onset == 30
    assert 30 < found.sounded <= 36


def test_the_quick_form_is_the_plain_one():
    """Against windows taken one by one."""
    rng = np.random.default_rng(3)
    config = AlarmConfig(window=3, threshold=1.5, share=0.7, smallest=0.01)
    learned = rng.normal(0.5, 0.1, (60, 15)) + np.linspace(0, 0.2, 15)
    true = rng.normal(0.5, 0.1, (60, 15))

    def plainly(run):
        behind = 0.7 * learned[run] - true[run]
        for now in range(5, 15):
            late, early = slice(now - 2, now + 1), slice(0, 3)
            error = np.sqrt((behind[late].var(ddof=1) + behind[early].var(ddof=1)) / 3)
            gained = learned[run, late].mean() - learned[run, early].mean() >= 0.01
            if gained and behind[late].mean() - behind[early].mean() > 1.5 * error:
                return now
        return -1

    expected = [plainly(run) for run in range(60)]
    assert alarms(learned, true, config).tolist() == expected
    assert -1 in expected
    assert max(expected) > 5


def test_false_alarms_are_rare_and_counted():
    share, error = false_alarm_rate(AlarmConfig(), updates=100, seed=0, runs=1500)
    assert 0 < share < 0.02
    assert error == pytest.approx(np.sqrt(share * (1 - share) / 1500))
    eager, _ = false_alarm_rate(AlarmConfig(threshold=2), updates=100, seed=0, runs=300)
    correlated, _ = false_alarm_rate(AlarmConfig(threshold=2), updates=100, seed=0, runs=300, correlation=0.6)
    assert share < eager < correlated
    assert false_alarm_rate(AlarmConfig(), updates=11, seed=0, runs=10) == (0.0, 0.0), "too short to be judged"


def test_the_counted_rate_holds_for_rewards_that_hover():
    """Independent of the shortcut: whole series of a bounded mean of verdicts, learned reward beside it."""
    rng = np.random.default_rng(5)
    true = rng.binomial(64, 0.4, (1500, 60)) / 64
    learned = 0.5 + 0.5 * (true - 0.4) + rng.normal(0, 0.03, true.shape)
    assert (alarms(learned, true, AlarmConfig(smallest=0.0)) >= 0).mean() < 0.02


def test_series_and_settings_are_checked():
    with pytest.raises(ValueError, match="not a finite"):
        find_alarm(np.array([0.1, np.nan]), np.zeros(2), AlarmConfig())
    with pytest.raises(ValueError, match="per update"):
        find_alarm(np.zeros(3), np.zeros(2), AlarmConfig())
    with pytest.raises(UserError, match=r"alarm\.window must be at least 2, got 1"):
        find_alarm(np.zeros(2), np.zeros(2), AlarmConfig(window=1))
    with pytest.raises(UserError, match=r"alarm\.share must lie above 0"):
        AlarmConfig(share=0).check()
    with pytest.raises(UserError, match=r"alarm\.threshold must be a number of at least 0, got nan"):
        AlarmConfig(threshold=float("nan")).check()
    steps = np.repeat([0.0, 1.0], 10)
    assert find_alarm(steps, np.zeros(20), AlarmConfig()) == Alarm(15, 10)


# Best of n.


@given(st.integers(1, 6), st.integers(0, 2**32))
def test_best_of_n_is_the_mean_over_every_choice(total, seed):
    rng = np.random.default_rng(seed)
    learned = rng.integers(0, 4, (3, total)) / 3  # with ties
    true = rng.integers(0, 2, (3, total)).astype(float)
    for row in best_of_n(learned, true):
        learnt, truths = [], []
        for problem in range(3):
            for chosen in itertools.combinations(range(total), row["n"]):
                best = max(learned[problem, i] for i in chosen)
                learnt.append(best)
                group = [true[problem, i] for i in range(total) if learned[problem, i] == best]
                truths.append(np.mean(group))
        assert row["learned"] == pytest.approx(np.mean(learnt))
        assert row["true"] == pytest.approx(np.mean(truths))


def test_a_flawed_judge_is_found_out_by_choosing_more():
    """It likes one kind of wrong answer best: the more to choose from, the worse the choice."""
    learned = np.array([[1.0, 0.6, 0.5, 0.4]] * 5)
    true = np.array([[0.0, 1.0, 1.0, 0.0]] * 5)
    rows = best_of_n(learned, true)
    assert [row["n"] for row in rows] == [1, 2, 4]
    assert [row["true"] for row in rows] == pytest.approx([0.5, 0.5, 0.0])
    assert rows[0]["kl"] == 0
    assert rows[2]["kl"] == pytest.approx(np.log(4) - 0.75)
    with pytest.raises(ValueError, match="not a finite"):
        best_of_n(np.array([[np.nan]]), np.array([[1.0]]))


# Fidelity of credit.


def test_fidelity_by_hand():
    credits = [np.array([0.5, -1.0, 0.2]), np.array([0.1, 0.0]), np.array([-0.3, -0.3])]
    labels = [[True, False, False], [True, True], [True, False]]
    found = fidelity(credits, labels)
    # right: 0.5 0.1 0.0 -0.3; wrong: -1.0 0.2 -0.3
    assert found["ranking"] == pytest.approx((3 + 2 + 2 + 1.5) / 12)
    assert found["sign"] == pytest.approx((1 + 1 + 0 + 1 + 0.5 + 0 + 1) / 7)
    assert found["first_error"] == pytest.approx((1 + 0.5) / 2)
    assert found["first_error_chance"] == pytest.approx((1 / 3 + 1 / 2) / 2)


def test_a_group_without_errors_says_little():
    assert set(fidelity([np.array([0.1])], [[True]])) == {"sign"}
    assert mean_fidelity([{"sign": 1.0}, {"sign": 0.5, "ranking": 0.7}]) == {"sign": 0.75, "ranking": 0.7}


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=10))
def test_ranking_counts_every_pair(judged):
    pairs = [(a > b) + (a == b) / 2 for a, right in judged if right for b, other in judged if not other]
    found = ranking([value for value, _ in judged], [label for _, label in judged])
    assert found == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_a_steps_credit_is_the_mean_of_its_tokens():
    assert step_credit(np.array([1.0, 3.0, 5.0]), (2, 3)).tolist() == [2.0, 5.0]
