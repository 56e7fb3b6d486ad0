from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.statistics import mcnemar_exact, paired_bootstrap, two_way_bootstrap
from evolve.statistics import holm

T_4 = 2.776445  # Student's 97.5 % point at 4 degrees of freedom; at 24: 2.063899
T_24 = 2.063899


def test_seeds_that_differ_and_problems_that_do_not_give_students_interval():
    row = np.array([0.02, 0.05, -0.01, 0.08, 0.03])
    found = two_way_bootstrap(np.repeat(row[:, None], 40, axis=1), seed=3, resamples=40_000)
    half = T_4 * row.std(ddof=1) / math.sqrt(5)
    assert found.mean == pytest.approx(row.mean())
    assert found.interval == pytest.approx((row.mean() - half, row.mean() + half), rel=0.12)
    assert (found.p < 0.05) == (found.interval[0] > 0)


def test_one_seed_gives_students_interval_over_problems():
    column = np.random.default_rng(0).normal(0.1, 1.0, 25)
    found = two_way_bootstrap(column[None, :], seed=3, resamples=40_000)
    half = T_24 * column.std(ddof=1) / 5
    assert found.interval == pytest.approx((column.mean() - half, column.mean() + half), abs=0.05 * half)


def test_the_variance_is_the_one_that_fresh_seeds_and_problems_show():
    """Brute force: the spread of the mean over many fresh tables, against the interval of each."""
    rng = np.random.default_rng(7)
    means, halves = [], []
    for number in range(300):
        table = rng.normal(0, 0.05, (8, 1)) + rng.normal(0, 0.3, (1, 40)) + rng.normal(0, 0.4, (8, 40))
        found = two_way_bootstrap(table, seed=number, resamples=400)
        means.append(found.mean)
        halves.append((found.interval[1] - found.interval[0]) / 2)
    assert np.mean(halves) == pytest.approx(2.05 * np.std(means), rel=0.1)


@pytest.mark.parametrize("kind", ["seeds", "problems", "noise"])
def test_two_arms_that_are_the_same_are_told_apart_in_at_most_one_of_twenty(kind):
    """5 % of 400 tables is 20; 33 or more would come of a true 5 % once in 300 times."""
    rng = np.random.default_rng(11)
    false = 0
    for number in range(400):
        right = np.clip(rng.beta(1, 1, (1, 80)), 0, 1)
        shift = {"seeds": (5, 1), "problems": (1, 80)}.get(kind)
        chance_a = right + (rng.normal(0, 0.1, shift) if shift else 0.0)
        chance_b = right + (rng.normal(0, 0.1, shift) if shift else 0.0)
        a, b = rng.random((5, 80)) < chance_a, rng.random((5, 80)) < chance_b
        false += paired_bootstrap(a, b, seed=number, resamples=500).p < 0.05
    assert false < 33


def test_a_difference_that_is_there_is_found():
    rng = np.random.default_rng(5)
    found = [
        paired_bootstrap(rng.random((5, 300)) < 0.45, rng.random((5, 300)) < 0.35, seed=n, resamples=500).p < 0.05
        for n in range(40)
    ]
    assert sum(found) >= 36


def test_pairing_takes_out_what_both_arms_share():
    rng = np.random.default_rng(2)
    hard = rng.random((1, 200)) < 0.5
    a = np.repeat(hard, 5, axis=0)
    b = a & ~(np.arange(200)[None, :] < 12)
    found = paired_bootstrap(a, b, seed=0)
    assert found.interval[0] > 0
    shuffled = paired_bootstrap(a, b[:, rng.permutation(200)], seed=0)
    assert shuffled.mean == pytest.approx(found.mean)
    assert shuffled.interval[0] < 0, "other problems beside each other: the same means prove nothing"


@given(st.integers(1, 4), st.integers(2, 12), st.integers(0, 2**32))
def test_swapping_the_arms_turns_the_result_round(seeds, problems, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random((seeds, problems)) < 0.5, rng.random((seeds, problems)) < 0.5
    there = paired_bootstrap(a, b, seed=1, resamples=200)
    back = paired_bootstrap(b, a, seed=1, resamples=200)
    assert there.mean == pytest.approx(-back.mean)
    assert there.interval == pytest.approx((-back.interval[1], -back.interval[0]), abs=1e-9)
    assert there.p == pytest.approx(back.p)
    assert there.interval[0] <= there.mean <= there.interval[1]


def test_results_that_never_differ_have_no_spread():
    ones = np.ones((3, 10))
    assert paired_bootstrap(ones, ones, 0).p == 1.0
    all_better = paired_bootstrap(ones, 0 * ones, 0, resamples=999)
    assert (all_better.interval, all_better.p) == ((1.0, 1.0), 0.002)


def test_the_same_seed_gives_the_same_interval():
    table = np.random.default_rng(1).random((4, 30))
    assert two_way_bootstrap(table, 9, 300) == two_way_bootstrap(table, 9, 300)
    assert two_way_bootstrap(table, 9, 300) != two_way_bootstrap(table, 10, 300)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.zeros((2, 3)), np.zeros((3, 3)), "same seeds and problems"),
        (np.zeros((2, 1)), np.zeros((2, 1)), "2 problems"),
        (np.full((2, 3), np.nan), np.zeros((2, 3)), "not a finite number"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused(a, b, said):
    with pytest.raises(ValueError, match=said):
        paired_bootstrap(a, b, 0)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_mcnemar_counts_every_way_that_coins_could_have_fallen(pairs):
    """Brute force: all 2^n ways to give the n discordant problems to a or b, as likely each."""
    found = mcnemar_exact([a for a, _ in pairs], [b for _, b in pairs])
    a_wins = [a for a, b in pairs if a != b]
    size = len(a_wins)
    off = abs(sum(a_wins) - size / 2)
    ways = [abs(sum(way) - size / 2) >= off for way in itertools.product((0, 1), repeat=size)]
    assert (found.only_a, found.only_b) == (sum(a_wins), size - sum(a_wins))
    assert found.p == pytest.approx(sum(ways) / len(ways))


def test_mcnemar_by_hand():
    """1 against 9: 2 (1 + 10) / 1024."""
    assert mcnemar_exact([1] + [0] * 9 + [1] * 50, [0] + [1] * 9 + [1] * 50).p == pytest.approx(22 / 1024)
    with pytest.raises(ValueError, match="zip"):
        mcnemar_exact([True], [True, False])


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.4, 0.9]) == pytest.approx([0.8, 0.9])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_rejects_what_the_step_down_rule_rejects(ps):
    adjusted = holm(ps)
    for level in (0.01, 0.05, 0.3):
        order = sorted(range(len(ps)), key=lambda index: ps[index])
        rejected = set()
        for rank, index in enumerate(order):
            if ps[index] * (len(ps) - rank) > level:
                break
            rejected.add(index)
        assert {index for index, p in enumerate(adjusted) if p <= level} == rejected
